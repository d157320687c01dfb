import {failure} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';

/** The proxy's tables by the name that it gives them. */
export const proxyTable = 'nodectl-proxy';

/** What its iptables mode has beside kube-proxy's chains. */
const ownChain = 'KUBE-PROXY-NODECTL';

export const serviceRules = nodeCheck({
  name: 'ServiceRules',
  category: 'proxy',
  codes: ['ND737'],
  looks: 'looks for the proxy’s tables in the kernel',
  after: ['Joined'],
  observe: async ({sight, proxied}) => (proxied ? sight.nft() : undefined),
  judge: (seen, context) =>
    seen === undefined ||
    seen.tables.some((table) => table.endsWith(` ${proxyTable}`)) ||
    seen.chains.some((chain) => chain.endsWith(` nat ${ownChain}`))
      ? []
      : [failure('ND737', 'the kernel has no service rules', command(context, 'restart proxy'))],
});
