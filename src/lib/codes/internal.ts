import {entries} from './entry.ts';

/** ND9xx: nodectl itself. */
export const internalCodes = entries({
  ND901: {
    title: 'a step never settles',
    why: 'After many rounds the same step still finds something to change: something else changes it back.',
    fix: ['Run again with -v, and report it with the output.'],
    exit: 'failed',
  },
  ND902: {
    title: 'waited too long',
    why: 'What nodectl waits for did not happen within its time.',
    fix: ['nodectl status'],
    exit: 'waiting',
  },
  ND903: {
    title: 'a program failed',
    why: 'A program of this machine that nodectl needs ended with an error.',
    fix: ['Read its message above.'],
    exit: 'failed',
  },
  ND904: {
    title: 'invalid argument',
    why: 'A flag or a file has a value that cannot be used.',
    fix: ['nodectl COMMAND --help'],
    exit: 'usage',
  },
  ND905: {
    title: 'another nodectl is at work',
    why: 'Only one nodectl may change a machine at a time.',
    fix: ['Wait until it has finished, then run the command again.'],
    exit: 'busy',
  },
  ND906: {
    title: 'invalid join configuration',
    why: 'A document of the --config file has a field that is unknown, wrong, or cannot be honoured.',
    fix: ['kubeadm config print join-defaults shows the form.', 'Correct the named field.'],
    exit: 'usage',
  },
  ND999: {
    title: 'unexpected error',
    why: 'nodectl met a case that it does not know: this is a bug.',
    fix: ['Report it with the output of the same command and -v.'],
    exit: 'failed',
  },
});
