import {kernelDefaults} from '../../config/kubelet/kernel-defaults.ts';
import {fileStamp} from '../../edges/files/host-files.ts';
import {isWritable, type ModuleState, moduleState, readSysctl} from '../../edges/machine/sysctl.ts';
import {activeFirewall, isPortOpen} from '../../edges/network/firewall.ts';
import {advertisedDevices} from '../../edges/network/node-addresses.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Act} from '../apply/acts.ts';
import {swapActs} from '../learn/swap.ts';
import {
  missingTrees,
  present,
  unmetFiles,
  type WantedFile,
  type WantedTree,
  writes,
} from '../learn/wanted.ts';
import {type Facts, phase} from '../phase.ts';
import type {Foreseen} from '../plan/types.ts';

type Setting = {
  readonly key: string;
  readonly value: number;
  /** A larger value than ours is as good. */
  readonly atLeast?: boolean;
  /** The node works without it, if less well. */
  readonly optional?: boolean;
};

export type SeenSetting = Setting & {readonly current: string | undefined; readonly writable: boolean};

type Seen = {
  readonly trees: readonly WantedTree[];
  readonly modules: readonly {readonly name: string; readonly state: ModuleState}[];
  readonly settings: readonly SeenSetting[];
  readonly swap: readonly Act[];
  readonly firewall: readonly Act[];
  readonly files: readonly WantedFile[];
  readonly copyNeeded: boolean;
  readonly links: readonly {readonly path: string; readonly to: string}[];
};

const moduleNames = ['br_netfilter', 'overlay', 'nf_conntrack'];

/** Modules, kernel settings, swap, and nodectl itself in its stable place. */
export const host = phase<Seen>({
  name: 'host',
  title: 'Prepare the host',
  observe: async (facts) => ({
    trees: await missingTrees(facts.journal, dataTrees(facts)),
    modules: await Promise.all(moduleNames.map(async (name) => ({name, state: await moduleState(name)}))),
    settings: await seeSettings(facts),
    swap: await swapActs(facts),
    firewall: await firewallActs(facts),
    files: await unmetFiles(await persistentFiles(facts)),
    copyNeeded: await isCopyNeeded(facts),
    links: await missingLinks(facts),
  }),
  decide: (seen, facts) => ({acts: actsFor(seen, facts)}),
  foresee: async (facts, {acts}) => [...acts, ...(await settingsOfModules(facts, acts))],
});

/** Keys that a module brings: they are there, and perhaps to be set, once it is loaded. */
async function settingsOfModules(facts: Facts, acts: readonly Act[]): Promise<Foreseen[]> {
  if (!acts.some((act) => act.kind === 'module' && act.name === 'br_netfilter')) return [];
  return (await seeSettings(facts))
    .filter(({current}) => current === undefined)
    .map(({key, value}) => ({kind: 'sysctl', key, value: String(value), before: 'absent', open: 'before'}));
}

function actsFor(seen: Seen, {binary}: Facts): Act[] {
  const {path, from} = binary ?? {path: '', from: ''};
  return [
    ...seen.trees.map((tree): Act => ({kind: 'tree', ...tree})),
    ...(seen.copyNeeded ? [{kind: 'copy', from, path} as const] : []),
    ...seen.links.map((link): Act => ({kind: 'link', ...link})),
    ...seen.modules.flatMap(({name, state}): Act[] => (state === 'loadable' ? [{kind: 'module', name}] : [])),
    ...seen.settings.flatMap(changeSetting),
    ...seen.swap,
    ...seen.firewall,
    ...writes(seen.files),
  ];
}

/** @throws NodectlError ND121 for a setting that pods need and that cannot be changed */
export function changeSetting(setting: SeenSetting): Act[] {
  const {key, value, current, writable} = setting;
  if (current === undefined) return [];
  const fine = setting.atLeast === true ? Number(current) >= value : current === String(value);
  if (fine) return [];
  if (writable) return [{kind: 'sysctl', key, value: String(value), before: current}];
  if (setting.optional === true) return [];
  throw new NodectlError('ND121', `${key} is ${current} and must be ${value}, but cannot be written`);
}

/**
 * A kernel that forwards drops what routers have advertised, the default route too, where accept_ra is 1 (Linux,
 * ip-sysctl: 2 keeps it). Programs such as systemd-networkd read advertisements themselves, and have 0 there.
 */
const acceptsRoutes = /^net\.ipv6\.conf\.[^.]+\.accept_ra$/;

async function advertisedSettings({journal}: Facts): Promise<Setting[]> {
  const keys = (await advertisedDevices()).map((device) => `net.ipv6.conf.${device}.accept_ra`);
  const values = await Promise.all(keys.map(readSysctl));
  const ours = journal.entries.filter(({kind, target}) => kind === 'sysctl' && acceptsRoutes.test(target));
  const wanted = keys.filter((key, at) => acceptsRoutes.test(key) && values[at] === '1');
  const all = new Set([...ours.map(({target}) => target), ...wanted]);
  return [...all].sort().map((key) => ({key, value: 2, optional: true}));
}

async function settings(facts: Facts): Promise<Setting[]> {
  const {options} = facts;
  const forwarding: Setting[] = [
    ...(await advertisedSettings(facts)),
    {key: 'net.ipv4.ip_forward', value: 1},
    {key: 'net.ipv6.conf.all.forwarding', value: 1, optional: true},
  ];
  const bridge: Setting[] = ['iptables', 'ip6tables'].map((name) => ({
    key: `net.bridge.bridge-nf-call-${name}`,
    value: 1,
    optional: true,
  }));
  // One per watched file; the defaults are used up by a few dozen pods.
  const inotify: Setting[] = [
    {key: 'fs.inotify.max_user_instances', value: 8192, atLeast: true, optional: true},
    {key: 'fs.inotify.max_user_watches', value: 524_288, atLeast: true, optional: true},
  ];
  const shared = [...inotify, ...kernelDefaults.map((setting): Setting => ({...setting, optional: true}))];
  return [...forwarding, ...bridge, ...(options.ownLayout ? [] : shared)];
}

async function seeSettings(facts: Facts): Promise<SeenSetting[]> {
  return Promise.all((await settings(facts)).map(seeSetting));
}

async function seeSetting(setting: Setting): Promise<SeenSetting> {
  return {...setting, current: await readSysctl(setting.key), writable: await isWritable(setting.key)};
}

/** What must hold again after a reboot; a second node of a machine makes nothing persistent. */
async function persistentFiles(facts: Facts): Promise<WantedFile[]> {
  if (facts.options.ownLayout) return [];
  const lines = (await settings(facts)).map(({key, value}) => `${key} = ${value}`);
  return [
    {
      path: '/etc/sysctl.d/90-nodectl.conf',
      content: `# Written by nodectl.\n${lines.map((line) => `-${line}`).join('\n')}\n`,
      mode: 0o644,
    },
    {
      path: '/etc/modules-load.d/nodectl.conf',
      content: `# Written by nodectl.\n${moduleNames.join('\n')}\n`,
      mode: 0o644,
    },
  ];
}

function dataTrees({options: {layout}}: Facts): WantedTree[] {
  return [
    {path: layout.stateDir, mode: 0o700},
    {path: layout.runDir, mode: 0o700},
    {path: layout.logDir, mode: 0o750},
  ];
}

/** The kubelet's port, when it was asked for: who may reach NodePorts is the administrator's own decision. */
async function firewallActs({options}: Facts): Promise<Act[]> {
  const firewall = options.openFirewall ? await activeFirewall() : undefined;
  const port = `${options.ports.kubelet}/tcp`;
  if (firewall === undefined || (await isPortOpen(firewall, port))) return [];
  return [{kind: 'open-port', firewall, port}];
}

/** Names under which tools look for the daemons (`ps -C kubelet`); only a single binary can be linked to. */
async function missingLinks({program, options}: Facts): Promise<Seen['links']> {
  const [to, ...more] = program;
  if (to === undefined || more.length > 0) return [];
  const links = ['kubelet', 'kube-proxy'].map((name) => ({
    path: `${options.layout.stateDir}/bin/${name}`,
    to,
  }));
  const there = await present(links.map(({path}) => path));
  return links.filter(({path}) => !there.has(path));
}

async function isCopyNeeded({binary}: Facts): Promise<boolean> {
  return binary !== undefined && (await fileStamp(binary.from)) !== (await fileStamp(binary.path));
}
