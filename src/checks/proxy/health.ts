import {command, nodeCheck} from '../node/context.ts';
import {judgeHealth} from '../node/judge-health.ts';

export const proxyHealth = nodeCheck({
  name: 'ProxyHealth',
  category: 'proxy',
  codes: ['ND736'],
  looks: 'asks the proxy’s /livez',
  after: ['ProxyService'],
  blames: ['ProxyPort', 'APIServer'],
  observe: async ({sight, proxied}) =>
    proxied ? {health: await sight.proxyHealth(), daemon: await sight.daemon('proxy')} : undefined,
  judge: (seen, context) =>
    seen === undefined
      ? []
      : judgeHealth(seen.health, seen.daemon, 'the service proxy', command(context, 'logs proxy')),
});
