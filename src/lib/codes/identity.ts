import {entries} from './entry.ts';

/** ND2xx: who this node is. */
export const identityCodes = entries({
  ND201: {
    title: 'invalid node name',
    why: 'A node name must be a lower-case RFC 1123 subdomain.',
    fix: ['Give one with --node-name.'],
    exit: 'preflight',
  },
});
