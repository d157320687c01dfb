import {
  type ContainerdSettings,
  configVersionOf,
  editedConfig,
  isOurs,
  ownConfig,
  templateName,
} from '../../config/containerd.ts';
import {embeddedImages, helloImage, pauseImage} from '../../config/images.ts';
import {assetText} from '../../edges/assets.ts';
import {askRuntime, containerdVersion, hasImage, type RuntimeAnswer} from '../../edges/containerd.ts';
import {md5, type PathState, pathState} from '../../edges/host-files.ts';
import {cniPluginDirectory} from '../../edges/machine.ts';
import {findProgram} from '../../edges/packages.ts';
import type {ServiceStatus, ServiceUnit} from '../../edges/services.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Act} from '../acts.ts';
import {type Claims, unclaimed} from '../claims.ts';
import {cgroupDriver, revision} from '../node-files.ts';
import {type Facts, type PhaseDecision, phase} from '../phase.ts';
import {missingTrees, unmetFiles, type WantedFile, type WantedTree, writes} from '../wanted.ts';

type Seen = {
  readonly trees: readonly WantedTree[];
  /** Directories before the packages: under systemd their installation starts containerd, which makes some at once. */
  readonly claims: Claims;
  readonly missing: readonly string[];
  /** Everything below is seen only when nothing is missing. */
  readonly ready: SeenRuntime | undefined;
};

export type SeenRuntime = {
  /** Answers, but runs outside our service manager: its configuration is not ours to change. */
  readonly foreign: boolean;
  readonly files: readonly WantedFile[];
  readonly unit: ServiceUnit;
  readonly status: ServiceStatus;
  readonly answer: RuntimeAnswer | undefined;
  readonly images: readonly {readonly asset: string; readonly image: string}[];
  readonly log: readonly string[];
};

const plugins = ['bridge', 'host-local', 'loopback', 'portmap'];

/** containerd, runc and the CNI plugins: installed, configured, running, with the images that travel in nodectl. */
export const runtime = phase<Seen>({
  name: 'runtime',
  title: 'Install and start the container runtime',
  waitMs: () => 120_000,
  late: () => new NodectlError('ND505', 'containerd does not answer on its CRI socket'),
  async observe(facts) {
    const trees = await missingTrees(facts.journal, dataTrees(facts));
    const missing = await missingPackages(facts);
    const claims = await unclaimed(facts);
    return {trees, claims, missing, ready: missing.length === 0 ? await seeRuntime(facts) : undefined};
  },
  decide({trees, claims, missing, ready}) {
    // Rules and links are undone with programs of these packages, so they are noted after them.
    const now = ready === undefined ? claims.filter(({what}) => what === 'directory') : claims;
    const first: Act[] = [...trees.map((tree): Act => ({kind: 'tree', ...tree})), ...now];
    if (ready === undefined) return {acts: [...first, {kind: 'packages', names: missing}]};
    if (first.length > 0) return {acts: first};
    return decideRuntime(ready);
  },
});

export function decideRuntime(seen: SeenRuntime): PhaseDecision {
  const {files, unit, status, answer} = seen;
  const acts: Act[] = [];
  if (!seen.foreign) {
    const stale = status.running && status.revision !== unit.env?.NODECTL_REVISION;
    acts.push(...writes(files));
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
  return {acts: seen.images.map((image) => ({kind: 'import', ...image}))};
}

async function seeRuntime(facts: Facts): Promise<SeenRuntime> {
  const {services, options} = facts;
  const socket = options.layout.containerdSocket;
  const {files, unit} = await wantedConfig(facts);
  const [status, answer] = [await services.status(unit.name), await askRuntime(socket)];
  return {
    foreign: answer !== undefined && !status.running,
    files: await unmetFiles(files),
    unit,
    status,
    answer,
    images: answer?.ready === true ? await missingImages(socket) : [],
    log: answer === undefined && status.restarts >= 3 ? await services.log(unit.name, 5) : [],
  };
}

async function wantedConfig(facts: Facts): Promise<{files: WantedFile[]; unit: ServiceUnit}> {
  const {options, services} = facts;
  const program = await findProgram('containerd');
  const cniBinDir = await cniPluginDirectory(options.layout.cniBinDirs, plugins);
  if (program === undefined) throw new NodectlError('ND503', 'there is no containerd after its installation');
  if (cniBinDir === undefined)
    throw new NodectlError(
      'ND504',
      `none of ${options.layout.cniBinDirs.join(', ')} has ${plugins.join(', ')}`,
    );
  const settings: ContainerdSettings = {
    layout: options.layout,
    systemdCgroup: cgroupDriver(facts) === 'systemd',
    restrictOomScoreAdj: !facts.machine.canLowerOomScore,
    cniBinDir,
  };
  const template = assetText(templateName(configVersionOf(await containerdVersion(program))));
  const config: WantedFile = {
    path: options.layout.containerdConfig,
    content: await configContent(facts, settings, template),
    mode: 0o644,
  };
  const unit = await containerdUnit(facts, program, config);
  return {files: [config, services.file(unit)], unit};
}

/** Our own file where there was none or only the package's; an administrator's is edited, key by key. */
async function configContent(facts: Facts, settings: ContainerdSettings, template: string): Promise<string> {
  const path = settings.layout.containerdConfig;
  const state = await pathState(path);
  if (state.kind !== 'file') return ownConfig(template, settings);
  const text = new TextDecoder().decode(state.content);
  const replaceable = (await isShipped(facts, path, state)) || isUntouched(facts, path, text, state);
  return replaceable ? ownConfig(template, settings) : editedConfig(text, settings);
}

type FileState = Extract<PathState, {kind: 'file'}>;

async function isShipped({packages}: Facts, path: string, state: FileState): Promise<boolean> {
  const digest = await packages?.shippedDigest(path);
  return digest !== undefined && (digest === md5(state.content) || digest === state.sha256);
}

/** Written by us and not changed by hand since. */
function isUntouched({journal}: Facts, path: string, text: string, state: FileState): boolean {
  const entry = journal.find({kind: 'file', target: path});
  return isOurs(text) && (entry?.kind !== 'file' || entry.after.includes(state.sha256));
}

/** Under systemd the package's own unit stays and gets a drop-in; elsewhere the unit is wholly ours. */
async function containerdUnit(facts: Facts, program: string, config: WantedFile): Promise<ServiceUnit> {
  const {services, options} = facts;
  const argv = [program, '--config', config.path];
  const packaged =
    services.kind === 'systemd' &&
    (await pathState('/lib/systemd/system/containerd.service')).kind === 'file';
  return {
    name: 'containerd',
    description: 'containerd container runtime',
    argv,
    env: {NODECTL_REVISION: revision(argv, [config])},
    restart: 'always',
    notify: true,
    killMode: 'process',
    stopTimeoutMs: options.ownLayout ? 20_000 : 60_000,
    dropIn: packaged,
    template: packaged ? 'templates/containerd-drop-in.conf' : 'templates/containerd.service',
  };
}

async function missingImages(socket: string): Promise<SeenRuntime['images']> {
  const images = [pauseImage, helloImage].map((image, at) => ({image, asset: embeddedImages[at] ?? ''}));
  const found = await Promise.all(images.map(({image}) => hasImage(socket, image)));
  return images.filter((_, at) => !found[at]);
}

const packageNames = {
  apt: {nftables: 'nftables', conntrack: 'conntrack', ip: 'iproute2', iptables: 'iptables'},
  dnf: {nftables: 'nftables', conntrack: 'conntrack-tools', ip: 'iproute', iptables: 'iptables-nft'},
} as const;

/** By what is there, not by what the package database says: a containerd in /usr/local is as good. */
async function missingPackages({options, packages}: Facts): Promise<string[]> {
  const names = packageNames[packages?.kind ?? 'apt'];
  const needed: readonly (readonly [program: string, name: string])[] = [
    ['containerd', 'containerd'],
    ['runc', 'runc'],
    ['nft', names.nftables],
    ['conntrack', names.conntrack],
    ['ip', names.ip],
    // The bridge plugin masquerades, and portmap maps, through iptables.
    ...(options.cni === 'bridge' ? ([['iptables', names.iptables]] as const) : []),
  ];
  const found = await Promise.all(needed.map(([program]) => findProgram(program)));
  const missing = needed.flatMap(([, name], at) => (found[at] === undefined ? [name] : []));
  const cni = await cniPluginDirectory(options.layout.cniBinDirs, plugins);
  return cni === undefined ? [...missing, 'containernetworking-plugins'] : missing;
}

/** Noted before any package starts containerd: what it then makes there is known to be new. */
function dataTrees({options}: Facts): WantedTree[] {
  return [
    {path: options.layout.containerdRoot, mode: 0o700},
    {path: options.layout.containerdState, mode: 0o711},
  ];
}
