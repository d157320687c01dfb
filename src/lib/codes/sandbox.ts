import {entries} from './entry.ts';

/** ND8xx: the one-machine control plane. */
export const sandboxCodes = entries({
  ND801: {
    title: 'sandbox not running',
    why: 'The command needs the sandbox control plane.',
    fix: ['sudo nodectl sandbox up'],
    exit: 'failed',
  },
  ND802: {
    title: 'sandbox controllers behind',
    why: 'A controller of the sandbox waited for its own write to come back over the watch, in vain.',
    fix: ['Look for an overloaded machine or a full disk; the controller tries again by itself.'],
    exit: 'failed',
  },
  ND803: {
    title: 'sandbox does not start',
    why: 'The control plane of the sandbox ends again and again, or does not become ready.',
    fix: ['Read its last words above.', 'sudo nodectl sandbox down && sudo nodectl sandbox up'],
    exit: 'failed',
  },
  ND804: {
    title: 'hello does not answer',
    why: 'The proof of the sandbox, an HTTP request through a ClusterIP to two pods, got no answer in time.',
    fix: ['kubectl describe pods -l app=hello', 'nodectl status'],
    exit: 'waiting',
  },
  ND805: {
    title: 'no address for the sandbox',
    why: 'The API server needs an address that nodes and pods can reach, and this machine has only loopback.',
    fix: ['Give one of this machine with --address.'],
    exit: 'network',
  },
});
