import {listDirectory} from '../../edges/files/files.ts';
import {cniPluginDirectory} from '../../edges/machine/machine.ts';
import type {Act} from '../apply/acts.ts';
import type {Facts} from '../phase.ts';

/** What our own bridge network needs. */
export const plugins = ['bridge', 'host-local', 'loopback', 'portmap'];

/** What https://github.com/containernetworking/plugins releases; those of our own network come last. */
const released = [
  ...['bandwidth', 'dhcp', 'dummy', 'firewall', 'host-device', 'ipvlan', 'macvlan', 'ptp', 'sbr', 'static'],
  ...['tap', 'tuning', 'vlan', 'vrf'],
  ...plugins,
];

/**
 * Where the runtime looks for plugins: the first of the layout's places. Network add-ons (Calico, Cilium, Flannel,
 * Multus) put theirs into /opt/cni/bin from a pod and rely on the usual ones beside them; distributions have those
 * elsewhere, and containerd before 2.1 knows one directory only.
 */
export function pluginDirectory({options: {layout, ownLayout}}: Facts, found: string): string {
  return ownLayout ? found : (layout.cniBinDirs[0] ?? found);
}

/**
 * Copies of the distribution's plugins that are missing there. No links: what an add-on writes to its place would go
 * through them into the package, and in the add-on's pod they lead nowhere.
 */
export async function pluginCopies(facts: Facts, from: string): Promise<Act[]> {
  const into = pluginDirectory(facts, from);
  if (into === from) return [];
  const [source, there] = [await listDirectory(from), await listDirectory(into)];
  // A package that is not installed yet will bring most of them.
  const missing = released.filter(
    (name) => (source.length === 0 || source.includes(name)) && !there.includes(name),
  );
  return missing.map((name) => ({kind: 'copy', from: `${from}/${name}`, path: `${into}/${name}`}));
}

/** Where all that our own network needs lies together. */
export function foundPlugins({options}: Facts): Promise<string | undefined> {
  return cniPluginDirectory(options.layout.cniBinDirs, plugins);
}
