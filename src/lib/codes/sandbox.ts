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
});
