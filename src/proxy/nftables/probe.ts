import {SharedChains} from '../table/chains.ts';
import {chainContext, skeleton, type TableContext} from '../table/skeleton.ts';
import {tableStatements} from './text.ts';

/**
 * A table with the words that not every nft knows, to be checked and not made: 1.0.2 (Ubuntu 22.04) takes no number as
 * a part of a map's key, which is how endpoints are found here; nobody says since which version it can be.
 */
export function probeStatements(name: string): string[] {
  const context: TableContext = {
    family: 'IPv4',
    name,
    masqueradeMark: 1,
    masqueradeAll: false,
    pods: undefined,
  };
  const {chains, containers} = skeleton(context, {nodePortIPs: undefined, serviceCIDRs: []});
  const balance = {do: 'balance', policy: 'cluster', count: 2} as const;
  const shared = new SharedChains(chainContext(context)).get('service', 'tcp', balance);
  return tableStatements({
    family: context.family,
    name,
    chains: () => [...chains, ...shared.chains],
    containers: () => containers,
    elements: () => [],
  });
}
