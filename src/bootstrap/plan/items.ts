import {type PathState, pathState, sha256} from '../../edges/files/host-files.ts';
import {lineDiff} from '../../lib/text/line-diff.ts';
import {redactText} from '../../lib/text/redact.ts';
import {type Act, describeAct} from '../apply/acts.ts';
import {linkDigest} from '../apply/apply-files.ts';
import type {Facts} from '../phase.ts';
import type {Foreseen, PlanItem} from './types.ts';

/** What an act changes; undefined for notes in the journal, which change nothing. */
export function keyOf(act: Act): string | undefined {
  switch (act.kind) {
    case 'directory':
    case 'tree':
      return `directory ${act.path}`;
    case 'file':
    case 'link':
    case 'copy':
      return `file ${act.path}`;
    case 'remove':
      return `remove ${act.path}`;
    case 'module':
    case 'start':
    case 'restart':
      return `${act.kind === 'module' ? 'module' : 'service'} ${act.name}`;
    case 'sysctl':
      return `sysctl ${act.key}`;
    case 'open-port':
      return `port ${act.port}`;
    case 'swap-off':
      return `swap ${act.device}`;
    case 'import':
      return `image ${act.image}`;
    case 'fetch':
    case 'unpack':
    case 'import-archive':
      return `${act.kind} ${act.archive.name}`;
    case 'packages':
    case 'reload':
    case 'prove':
    case 'new-key':
    case 'request':
    case 'certificate':
      return act.kind;
    case 'claim':
      return undefined;
  }
}

/** What an act makes of it, as far as that may be compared; never of a secret, which a digest of a short one betrays. */
export function afterOf(act: Act): string | undefined {
  switch (act.kind) {
    case 'file':
      return act.secret === true ? undefined : `${sha256(act.content)} ${act.mode.toString(8)}`;
    case 'link':
      return linkDigest(act.to);
    case 'sysctl':
      return act.value;
    case 'fetch':
    case 'unpack':
    case 'import-archive':
      return act.archive.sha256;
    default:
      return undefined;
  }
}

export async function planItem(phase: string, act: Foreseen, facts: Facts): Promise<PlanItem | undefined> {
  const key = keyOf(act);
  if (key === undefined) return undefined;
  const before = await beforeOf(act, facts);
  const after = act.open === 'after' ? undefined : await afterWith(act, facts);
  return {
    phase,
    key,
    text: describeAct(act),
    ...(before === undefined || act.open !== undefined ? {} : {before}),
    ...(after === undefined ? {} : {after}),
    ...(act.kind === 'file' ? await diffOf(act) : {}),
    ...(act.kind === 'packages' && after !== undefined ? {diff: `with all that they need: ${after}`} : {}),
  };
}

/** With everything that the packages bring along. */
async function afterWith(act: Act, {packages}: Facts): Promise<string | undefined> {
  if (act.kind !== 'packages') return afterOf(act);
  const all = (await packages?.simulate(act.names)) ?? act.names;
  return all.toSorted().join(' ');
}

async function beforeOf(act: Act, {services}: Facts): Promise<string | undefined> {
  switch (act.kind) {
    case 'file':
    case 'link':
    case 'remove':
    case 'directory':
    case 'tree':
      return stateText(await pathState(act.path));
    case 'copy': {
      // Its content is not read: it is our own binary's of some version.
      const {kind} = await pathState(act.path);
      return kind;
    }
    case 'sysctl':
      return act.before;
    case 'start':
    case 'restart': {
      const {installed, enabled, running} = await services.status(act.name);
      return [installed, enabled, running].join(' ');
    }
    default:
      return undefined;
  }
}

function stateText(state: PathState): string {
  if (state.kind === 'file') return `${state.sha256} ${state.mode.toString(8)}`;
  return state.kind === 'link' ? linkDigest(state.to) : state.kind;
}

async function diffOf(act: Extract<Foreseen, {kind: 'file'}>): Promise<{diff?: string}> {
  if (act.secret === true) return {diff: '(not shown: it holds a secret)'};
  if (act.open === 'after') return {};
  const state = await pathState(act.path);
  const old = state.kind === 'file' ? new TextDecoder().decode(state.content) : '';
  return {diff: lineDiff(redactText(old), redactText(act.content))};
}
