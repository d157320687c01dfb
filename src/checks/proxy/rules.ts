import {failure} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';

/** The proxy's tables by the name that it gives them. */
export const proxyTable = 'nodectl-proxy';

export const serviceRules = nodeCheck({
  name: 'ServiceRules',
  category: 'proxy',
  codes: ['ND737'],
  looks: 'looks for the proxy’s tables in the kernel',
  after: ['Joined'],
  observe: async ({sight, proxied}) => (proxied ? (await sight.nft()).tables : undefined),
  judge: (tables, context) =>
    tables === undefined || tables.some((table) => table.endsWith(` ${proxyTable}`))
      ? []
      : [failure('ND737', 'the kernel has no service rules', command(context, 'restart proxy'))],
});
