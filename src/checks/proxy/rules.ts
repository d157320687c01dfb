import {findProgram} from '../../edges/install/packages.ts';
import {failure} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';
import {judgeForeign, legacyChains} from './foreign-rules.ts';

/** The proxy's tables by the name that it gives them. */
export const proxyTable = 'nodectl-proxy';

/** What its iptables mode has beside kube-proxy's chains. */
const ownChain = 'KUBE-PROXY-NODECTL';

export const serviceRules = nodeCheck({
  name: 'ServiceRules',
  category: 'proxy',
  codes: ['ND712', 'ND737'],
  looks: 'looks for the proxy’s tables in the kernel',
  after: ['Joined'],
  async observe({sight, proxied, machine}) {
    if (!proxied) return 'there';
    if (machine.root && (await findProgram('nft')) === undefined) return 'no nft';
    const [nft, legacy] = await Promise.all([sight.nft(), sight.legacyRules()]);
    const there =
      nft.tables.some((table) => table.endsWith(` ${proxyTable}`)) ||
      [...nft.chains, ...legacyChains(legacy)].some((chain) => chain.endsWith(` nat ${ownChain}`));
    if (there || judgeForeign(nft, legacy).length === 0) return there ? 'there' : 'missing';
    // Ours may have stood down: whose rules these are is told by ForeignRules.
    const commits = await sight.commits().catch(() => undefined);
    return commits !== undefined && Object.keys(commits).length === 0 ? 'there' : 'missing';
  },
  judge: (seen, context) => {
    const restart = command(context, 'restart proxy');
    switch (seen) {
      case 'there':
        return [];
      case 'missing':
        return [failure('ND737', 'the kernel has no service rules', restart)];
      case 'no nft':
        return [
          failure(
            'ND712',
            'nft is not installed: the service proxy can change no rules',
            'sudo apt-get install nftables',
            restart,
          ),
        ];
    }
  },
});
