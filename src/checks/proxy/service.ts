import type {Finding} from '../check.ts';
import {command, type DaemonSight, type NodeContext, nodeCheck} from '../node/context.ts';
import {judgeDaemon, programOf} from '../node/judge-daemon.ts';

export const proxyService = nodeCheck({
  name: 'ProxyService',
  category: 'proxy',
  codes: ['ND734', 'ND735'],
  looks: 'asks the service manager for the proxy’s state and last words',
  after: ['Joined'],
  blames: ['ProxyPort'],
  observe: async (context) => (context.proxied ? programOf(context, 'proxy') : undefined),
  judge: (seen, context) => (seen === undefined ? [] : judgeProxy(seen.seen, context, seen.gone)),
});

export function judgeProxy(
  seen: DaemonSight,
  context: Pick<NodeContext, 'rootFlag'>,
  gone?: string,
): readonly Finding[] {
  const words = {
    who: 'the service proxy',
    unit: 'nodectl-proxy',
    stopped: 'ND734',
    looping: 'ND735',
    restart: command(context, 'restart proxy'),
    logs: command(context, 'logs proxy'),
  } as const;
  return judgeDaemon(seen, words, gone);
}
