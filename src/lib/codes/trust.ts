import {entries} from './entry.ts';

/** ND4xx: token, signature, pin, certificates. */
export const trustCodes = entries({
  ND401: {
    title: 'malformed bootstrap token',
    why: 'A token is six characters, a dot and sixteen characters of a-z0-9.',
    fix: ['kubeadm token create --print-join-command prints a valid one.'],
    exit: 'usage',
  },
});
