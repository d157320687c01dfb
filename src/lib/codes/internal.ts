import {entries} from './entry.ts';

/** ND9xx: nodectl itself. */
export const internalCodes = entries({
  ND901: {
    title: 'a step never settles',
    why: 'After many rounds the same step still finds something to change: something else changes it back.',
    fix: [
      'Run the same command again: its output names the step.',
      'Report it with that output and the support bundle.',
    ],
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
    fix: ['Run it by hand: its own message is above.', 'Then run the same nodectl command again.'],
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
    why: 'A document of the --config file, or a patch, says what is unknown, wrong, or cannot be honoured.',
    fix: ['kubeadm config print join-defaults shows the form.', 'Correct the named field.'],
    exit: 'usage',
  },
  ND907: {
    title: 'the machine or the cluster has changed since the plan',
    why: 'A plan is applied to what it was made for, so that nothing happens that nobody has read.',
    fix: ['nodectl join … --plan -o json > plan.json, read it, then nodectl apply plan.json.'],
    exit: 'preflight',
  },
  ND908: {
    title: 'something would be done that was not planned',
    why: 'While the plan was applied, a step was needed that it does not have. What was done so far is in the journal.',
    fix: ['nodectl join … --plan shows what is left.', 'nodectl reset takes back what was done.'],
    exit: 'failed',
  },
  ND909: {
    title: 'no digest for the new binary',
    why: 'An upgrade replaces what runs as root: it takes only a file whose SHA-256 it was told.',
    fix: ['Give --sha256 HEX, from where the release is announced.', 'Or put FILE.sha256 beside the file.'],
    exit: 'usage',
  },
  ND910: {
    title: 'the new binary cannot be used',
    why: 'It does not run on this machine (another architecture, a file cut off), or there is none to replace.',
    fix: ['file BINARY; BINARY --version', 'Nothing was changed.'],
    exit: 'failed',
  },
  ND911: {
    title: 'the upgrade was taken back',
    why: 'With the new binary the node was not well in time, so the previous one was put back and started.',
    fix: ['nodectl logs kubelet', 'nodectl status'],
    exit: 'kubelet',
  },
  ND912: {
    title: 'interrupted',
    why: 'Ctrl-C ended the command after the step that it was at; what it had changed until then is in the journal.',
    fix: [
      'Run the same command again: it goes on from there.',
      'sudo nodectl reset takes back what was done.',
    ],
    exit: 'failed',
  },
  ND999: {
    title: 'unexpected error',
    why: 'nodectl met a case that it does not know: this is a bug.',
    fix: [
      'Run the same command again with NODECTL_DEBUG=1 in its environment, and report it with the output.',
    ],
    exit: 'failed',
  },
});
