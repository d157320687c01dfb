import {command, nodeCheck} from '../node/context.ts';
import {judgeDaemon, programOf} from '../node/judge-daemon.ts';

export const proxyService = nodeCheck({
  name: 'ProxyService',
  category: 'proxy',
  codes: ['ND734', 'ND735'],
  looks: 'asks the service manager for the proxy’s state and last words',
  after: ['Joined'],
  blames: ['ProxyPort'],
  observe: async (context) => (context.proxied ? programOf(context, 'proxy') : undefined),
  judge: (seen, context) =>
    seen === undefined
      ? []
      : judgeDaemon(
          seen.seen,
          {
            who: 'the service proxy',
            unit: 'nodectl-proxy',
            stopped: 'ND734',
            looping: 'ND735',
            restart: command(context, 'restart proxy'),
            logs: command(context, 'logs proxy'),
          },
          seen.gone,
        ),
});
