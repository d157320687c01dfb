import {readText} from '../../edges/files/files.ts';
import {askRuntime, type RuntimeAnswer} from '../../edges/runtime/containerd.ts';
import type {ServiceStatus, ServiceUnit} from '../../edges/systemd/services.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Act} from '../apply/acts.ts';
import {type Claims, unclaimed} from '../learn/claims.ts';
import {cgroupDriver} from '../learn/node-files.ts';
import {missingTrees, unmetFiles, type WantedFile, type WantedTree, writes} from '../learn/wanted.ts';
import {type Facts, type PhaseDecision, phase} from '../phase.ts';
import type {Foreseen} from '../plan/types.ts';
import {type WantedRuntime, wantedRuntime} from '../runtime/config.ts';
import {embeddedImports, type MissingImages, missingArchives, missingImages} from '../runtime/images.ts';
import {missingParts} from '../runtime/install.ts';
import {foreseeParts, seeParts} from '../runtime/parts.ts';

type Seen = {
  readonly trees: readonly WantedTree[];
  /** Directories before the packages: under systemd their installation starts containerd, which makes some at once. */
  readonly claims: Claims;
  readonly missing: readonly Act[];
  /** Everything below is seen only when nothing is missing. */
  readonly ready: SeenRuntime | undefined;
};

export type SeenRuntime = {
  /** Answers, but runs outside our service manager: its configuration is not ours to change. */
  readonly foreign: boolean;
  readonly plugins: readonly Act[];
  readonly files: readonly WantedFile[];
  readonly unit: ServiceUnit;
  readonly status: ServiceStatus;
  readonly answer: RuntimeAnswer | undefined;
  readonly images: MissingImages;
  /** A sandbox has shown that this very runtime puts pods where the kubelet says; undefined: not yet. */
  readonly proof: Act | undefined;
  readonly log: readonly string[];
};

/** containerd, runc and the CNI plugins: installed, configured, running, with the images that travel in nodectl. */
export const runtime = phase<Seen>({
  name: 'runtime',
  title: 'Install and start the container runtime',
  waitMs: () => 120_000,
  late: () => new NodectlError('ND505', 'containerd does not answer on its CRI socket'),
  async observe(facts) {
    const trees = await missingTrees(facts.journal, dataTrees(facts));
    const missing = await missingParts(facts);
    const claims = await unclaimed(facts);
    return {trees, claims, missing, ready: missing.length === 0 ? await seeRuntime(facts) : undefined};
  },
  decide({trees, claims, missing, ready}) {
    // Rules and links are undone with programs of these packages, so they are noted after them.
    const now =
      ready === undefined ? claims.filter(({what}) => what === 'directory' || what === 'tree') : claims;
    const first: Act[] = [...trees.map((tree): Act => ({kind: 'tree', ...tree})), ...now];
    if (ready === undefined) return {acts: [...first, ...missing]};
    if (first.length > 0) return {acts: first};
    return decideRuntime(ready);
  },
  foresee: async (facts, {acts}) => [...acts, ...(await foreseeRuntime(facts, acts))],
});

export function decideRuntime(seen: SeenRuntime): PhaseDecision {
  const {files, unit, status, answer} = seen;
  const acts: Act[] = [];
  if (!seen.foreign) {
    const stale = status.running && status.revision !== unit.env?.NODECTL_REVISION;
    acts.push(...seen.plugins, ...writes(files));
    if (files.length > 0) acts.push({kind: 'reload'});
    if (!status.enabled || (!status.running && !status.restarting))
      acts.push({kind: 'start', name: unit.name});
    if (stale) acts.push({kind: 'restart', name: unit.name});
  }
  if (acts.length > 0) return {acts};
  if (status.restarts >= 3 && answer === undefined)
    throw new NodectlError('ND505', `containerd ended ${status.restarts} times\n${seen.log.join('\n')}`);
  if (answer === undefined || !answer.ready)
    return {acts: [], againInMs: 200, waiting: answer?.reason || 'waiting for containerd to answer'};
  if (seen.images.length > 0) return {acts: seen.images};
  return {acts: seen.proof === undefined ? [] : [seen.proof]};
}

async function seeRuntime(facts: Facts): Promise<SeenRuntime> {
  const {services, options} = facts;
  const {plugins, files, unit} = await wantedRuntime(facts, await seeParts(facts));
  const socket = options.layout.containerdSocket;
  const [status, answer] = [await services.status(unit.name), await askRuntime(socket)];
  const ready = answer?.ready === true;
  return {
    foreign: answer !== undefined && !status.running,
    plugins,
    files: await unmetFiles(files),
    unit,
    status,
    answer,
    images: ready ? await missingImages(facts) : [],
    proof: ready ? await missingProof(facts, unit) : undefined,
    log: answer === undefined && status.restarts >= 3 ? await services.log(unit.name, 5) : [],
  };
}

/** Once for each configuration: the record is written when the sandbox was where it should be. */
async function missingProof(facts: Facts, unit: ServiceUnit): Promise<Act | undefined> {
  const record = proofRecord(facts);
  const revision = unit.env?.NODECTL_REVISION ?? '';
  return (await readText(record))?.trim() === revision ? undefined : proofAct(facts, unit);
}

function proofAct(facts: Facts, unit: ServiceUnit): Extract<Act, {kind: 'prove'}> {
  return {
    kind: 'prove',
    driver: cgroupDriver(facts),
    record: proofRecord(facts),
    revision: unit.env?.NODECTL_REVISION ?? '',
  };
}

function proofRecord({options}: Facts): string {
  return `${options.layout.stateDir}/runtime/proven`;
}

/** What follows once everything is installed, from what will be installed. */
async function foreseeRuntime(facts: Facts, first: readonly Act[]): Promise<readonly Foreseen[]> {
  // Everything was here: what was decided is all but what the runtime itself must be asked.
  const waits = first.length > 0 && first.every(({kind}) => kind === 'tree' || kind === 'claim');
  const installs = first.some(({kind}) => kind === 'packages' || kind === 'unpack');
  if (!waits && !installs) return [];
  const wanted: WantedRuntime = await wantedRuntime(facts, await foreseeParts(facts));
  const status = await facts.services.status(wanted.unit.name);
  const files = await unmetFiles(wanted.files);
  const runs = status.running && status.revision === wanted.unit.env?.NODECTL_REVISION;
  return [
    ...wanted.plugins,
    // A package may bring a configuration of its own.
    ...writes(files).map((act): Foreseen => ({...act, ...(installs ? {open: 'before'} : {})})),
    ...(files.length > 0 ? [{kind: 'reload'} as const] : []),
    ...(runs ? [] : [{kind: 'start', name: wanted.unit.name, open: 'before'} as const]),
    ...embeddedImports,
    ...(await missingArchives(facts)),
    proofAct(facts, wanted.unit),
  ];
}

/** Noted before any package starts containerd: what it then makes there is known to be new. */
function dataTrees({options}: Facts): WantedTree[] {
  const cniBinDir = options.ownLayout ? undefined : options.layout.cniBinDirs[0];
  return [
    // The cluster's network add-on puts its plugins there, too.
    ...(cniBinDir === undefined ? [] : [{path: cniBinDir, mode: 0o755}]),
    {path: options.layout.containerdRoot, mode: 0o700},
    {path: options.layout.containerdState, mode: 0o711},
  ];
}
