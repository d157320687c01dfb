import type {Finding} from '../../checks/check.ts';
import type {NodeOptions} from '../../config/join.ts';
import {withoutSwap} from '../../config/machine/fstab.ts';
import {readText} from '../../edges/files/files.ts';
import {journalStore} from '../../edges/logs/journal-store.ts';
import {observeMachine} from '../../edges/machine/machine.ts';
import {moduleState, readSysctl} from '../../edges/machine/sysctl.ts';
import {activeSwaps} from '../../edges/mounts/swaps.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Act} from '../apply/acts.ts';
import {describeAct} from '../apply/acts.ts';
import {joinedBy, nodeDaemons} from '../status/status.ts';
import {Journal} from '../undo/journal.ts';
import {undoEntry} from '../undo/undo.ts';
import {applyFix, type FixAct} from './apply-fix.ts';

export type FixInput = {
  readonly options: NodeOptions;
  readonly program: readonly string[];
  /** Codes that may be fixed; undefined for all. */
  readonly codes: readonly string[] | undefined;
  readonly plan: boolean;
};

export type Fix = {readonly code: string; readonly act: FixAct; readonly text: string};

/** What would change, for the findings that have a remedy that is safe and can be taken back. */
export async function fixesFor(
  findings: readonly Finding[],
  {codes}: Pick<FixInput, 'codes'>,
): Promise<Fix[]> {
  const wanted = findings.filter(({code}) => codes === undefined || codes.includes(code));
  const fixes = await Promise.all(
    wanted.map(async ({code}) => (await remedy(code)).map((act) => ({code, act, text: describeAct(act)}))),
  );
  const seen = new Set<string>();
  return fixes.flat().filter(({text}) => !seen.has(text) && seen.add(text) !== undefined);
}

const restarts: Readonly<Record<string, string>> = {
  ND501: 'containerd',
  ND733: 'kubelet',
  ND741: 'kubelet',
  ND734: 'proxy',
  ND737: 'proxy',
  ND740: 'proxy',
  ND748: 'proxy',
};

const settings: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  ND122: [['net.ipv4.ip_forward', '1']],
  ND123: [
    ['fs.inotify.max_user_instances', '8192'],
    ['fs.inotify.max_user_watches', '524288'],
  ],
  ND124: [['kernel.pid_max', '4194304']],
  ND125: [['net.netfilter.nf_conntrack_max', '262144']],
  ND127: [['net.bridge.bridge-nf-call-iptables', '1']],
};

async function remedy(code: string): Promise<FixAct[]> {
  const daemon = restarts[code];
  if (daemon !== undefined) return [{kind: 'restart', name: daemon}];
  if (code === 'ND131') return (await activeSwaps()).map((device) => ({kind: 'swap-off', device}));
  if (code === 'ND132') return fstab();
  const module: FixAct[] =
    code === 'ND127' && (await moduleState('br_netfilter')) === 'loadable'
      ? [{kind: 'module', name: 'br_netfilter'}]
      : [];
  const changes = await Promise.all((settings[code] ?? []).map(([key, value]) => setting(key, value)));
  return [...module, ...changes.flat()];
}

/** A bound that is larger already is left alone. */
async function setting(key: string, value: string): Promise<FixAct[]> {
  const before = await readSysctl(key);
  const fine =
    before === undefined || before === value || (Number(value) > 1 && Number(before) >= Number(value));
  return fine ? [] : [{kind: 'sysctl', key, value, before}];
}

async function fstab(): Promise<FixAct[]> {
  const path = '/etc/fstab';
  const text = (await readText(path)) ?? '';
  const content = withoutSwap(text);
  return content === text ? [] : [{kind: 'file', path, content, mode: 0o644} satisfies Act];
}

const fixesDir = ({layout}: NodeOptions) => `${layout.stateDir}/fixes`;

/**
 * Makes the changes, each noted before it is made: in the journal of the join, so that a reset takes it back with the
 * rest, and in one of its own, so that `--undo-fixes` takes back just these.
 * @throws NodectlError ND101 without root
 */
export async function applyFixes(
  fixes: readonly Fix[],
  input: FixInput,
  onFix: (fix: Fix) => void,
): Promise<void> {
  const {options} = input;
  const machine = await observeMachine();
  if (!machine.root) throw new NodectlError('ND101', '--fix changes the machine and must run as root');
  const joined = await joinedBy(options);
  const journals = [await Journal.open(journalStore(fixesDir(options)))];
  // A journal of a join would make a machine of another tool look like ours.
  if (joined === 'yes' || joined === 'begun')
    journals.push(await Journal.open(journalStore(`${options.layout.stateDir}/journal`)));
  const daemons = await nodeDaemons(input, machine, joined);
  for (const fix of fixes) {
    onFix(fix);
    if (!input.plan) await applyFix(fix.act, journals, daemons);
  }
}

/** Takes back what `--fix` changed, newest first; answers with what was taken back and what could not be. */
export async function undoFixes(
  input: Pick<FixInput, 'options' | 'program'>,
): Promise<{readonly undone: readonly string[]; readonly left: readonly string[]}> {
  const {options} = input;
  const machine = await observeMachine();
  if (!machine.root) throw new NodectlError('ND101', '--undo-fixes changes the machine and must run as root');
  const journal = await Journal.open(journalStore(fixesDir(options)));
  const {kubelet} = await nodeDaemons(input, machine, await joinedBy(options));
  const tools = {journal, services: kubelet.manager, packages: undefined, stateDir: options.layout.stateDir};
  const undone: string[] = [];
  const left: string[] = [];
  for (const entry of journal.entries.toReversed()) {
    const why = await undoEntry(entry, tools);
    if (why === undefined) await journal.forget(entry);
    (why === undefined ? undone : left).push(
      `${entry.kind} ${entry.target}${why === undefined ? '' : `: ${why}`}`,
    );
  }
  return {undone, left};
}
