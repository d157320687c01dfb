import {entries} from './entry.ts';

/** ND3xx: reaching the cluster. */
export const networkCodes = entries({
  ND301: {
    title: 'API server unreachable',
    why: 'No TCP or TLS connection to the API server could be made: wrong address, firewall, or the server is down.',
    fix: ['curl -k https://HOST:PORT/healthz from this machine.'],
    exit: 'network',
  },
  ND302: {
    title: 'API request failed',
    why: 'The API server answered with an error.',
    fix: ['nodectl status'],
    exit: 'network',
  },
});
