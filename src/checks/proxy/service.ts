import {command, nodeCheck} from '../node/context.ts';
import {judgeDaemon} from '../node/judge-daemon.ts';

export const proxyService = nodeCheck({
  name: 'ProxyService',
  category: 'proxy',
  codes: ['ND734', 'ND735'],
  looks: 'asks the service manager for the proxy’s state and last words',
  after: ['Joined'],
  observe: ({sight, proxied}) => (proxied ? sight.daemon('proxy') : Promise.resolve(undefined)),
  judge: (seen, context) =>
    seen === undefined
      ? []
      : judgeDaemon(seen, {
          who: 'the service proxy',
          stopped: 'ND734',
          looping: 'ND735',
          restart: command(context, 'restart proxy'),
          logs: command(context, 'logs proxy'),
        }),
});
