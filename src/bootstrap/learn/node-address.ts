import {type Finding, warning} from '../../checks/check.ts';
import type {JoinOptions} from '../../config/join.ts';
import {kubeletPaths} from '../../config/kubelet-files.ts';
import {type AddressCandidate, addressLines, chooseNodeIp, sharedNat} from '../../config/machine/node-ip.ts';
import {readText} from '../../edges/files/files.ts';
import {globalAddresses} from '../../edges/network/node-addresses.ts';
import {routeSource} from '../../edges/network/route-source.ts';
import {NodectlError} from '../../lib/errors.ts';

const natOnly = warning(
  'ND206',
  `this machine has no address but ${sharedNat}, which other virtual machines behind NAT have too`,
);

/**
 * The address of the node, from what was wished and what this machine has.
 * @throws NodectlError ND205 with the table of candidates when nothing fits
 */
export async function nodeAddress(
  options: JoinOptions,
  server: string,
): Promise<{nodeIp: string; table: readonly AddressCandidate[]; findings: readonly Finding[]}> {
  const wish = options.nodeIp ?? 'auto';
  const flags = (await readText(kubeletPaths(options).flags)) ?? '';
  const sight = {
    local: globalAddresses(),
    routeSource: await routeSource(server),
    current: /--node-ip=([^\s",]+)/.exec(flags)?.[1],
  };
  const {nodeIp, table, unmet} = chooseNodeIp(wish, sight);
  if (nodeIp !== undefined) return {nodeIp, table, findings: nodeIp === sharedNat ? [natOnly] : []};
  const what =
    unmet === 'auto' ? 'no address that others can reach' : `no address that fits --node-ip ${unmet}`;
  throw new NodectlError('ND205', [`this machine has ${what}; it has`, ...addressLines(table)].join('\n'));
}
