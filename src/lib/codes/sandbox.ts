import {entries} from './entry.ts';

/** ND8xx: the one-machine control plane. */
export const sandboxCodes = entries({
  ND801: {
    title: 'sandbox not running',
    why: 'The command needs the sandbox control plane.',
    fix: ['sudo nodectl sandbox up'],
    exit: 'failed',
  },
});
