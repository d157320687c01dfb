import {exists} from '../../edges/files/files.ts';
import {readSysctl} from '../../edges/machine/sysctl.ts';
import {hasBaseChain, hasChains, linkExists, listTables} from '../../edges/network/net-leftovers.ts';
import type {Entry} from '../apply/entries.ts';
import {pluginChains} from '../learn/network-remains.ts';

/** Of what others might have made or set most was never touched: nobody needs to hear of it. */
export async function isThere(entry: Entry): Promise<boolean> {
  switch (entry.kind) {
    case 'interface':
      return linkExists(entry.target);
    case 'table':
      return (await listTables()).includes(entry.target);
    case 'base-chain':
      return hasBaseChain(entry.target);
    case 'chains':
      return hasChains(entry.target, pluginChains);
    case 'tree':
      return exists(entry.target);
    case 'sysctl': {
      const current = await readSysctl(entry.target);
      return current !== undefined && current !== entry.before;
    }
    default:
      return true;
  }
}

export function describeEntry(entry: Entry): string {
  switch (entry.kind) {
    case 'file':
      return entry.before.kind === 'absent' ? `remove ${entry.target}` : `restore ${entry.target}`;
    case 'directory':
      return `remove ${entry.target} if it is empty`;
    case 'tree':
      return entry.existed
        ? `remove what nodectl made in ${entry.target}`
        : `remove ${entry.target} and all in it`;
    case 'sysctl':
      return `set ${entry.target} = ${entry.before}`;
    case 'module':
      return `unload kernel module ${entry.target}`;
    case 'swap':
      return `turn on swap on ${entry.target}`;
    case 'firewall':
      return `close port ${entry.target} in ${entry.firewall}`;
    case 'packages':
      return `remove packages ${entry.names.join(', ')}`;
    case 'service':
      return entry.before === undefined
        ? `remove service ${entry.target}`
        : `give back service ${entry.target}`;
    case 'cgroup':
    case 'interface':
      return `remove ${entry.kind} ${entry.target}`;
    case 'table':
      return `remove nftables table ${entry.target} if only plugins used it`;
    case 'base-chain':
      return `remove chain ${entry.target} if it is empty`;
    case 'chains':
      return `remove what plugins made in the table ${entry.target}`;
    case 'node':
      return `forget node ${entry.target} (kubectl delete node ${entry.target} removes it from the cluster)`;
  }
}
