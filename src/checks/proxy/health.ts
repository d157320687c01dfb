import {command, nodeCheck} from '../node/context.ts';
import {judgeHealth} from '../node/judge-health.ts';
import {judgeProxy} from './service.ts';

export const proxyHealth = nodeCheck({
  name: 'ProxyHealth',
  category: 'proxy',
  codes: ['ND736', 'ND734', 'ND735'],
  looks: 'asks the proxy’s /livez',
  after: ['ProxyService'],
  blames: ['ProxyPort', 'APIServer'],
  observe: async ({sight, proxied}) =>
    proxied ? {health: await sight.proxyHealth(), daemon: await sight.daemon('proxy')} : undefined,
  judge(seen, context) {
    if (seen === undefined) return [];
    const {health, daemon} = seen;
    // As of the kubelet: what its manager says goes before, also when it says it late.
    const dead = health.kind === 'ok' ? [] : judgeProxy(daemon, context);
    if (dead.length > 0) return dead;
    return judgeHealth(health, daemon, 'the service proxy', command(context, 'logs proxy'));
  },
});
