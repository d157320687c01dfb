import {entries} from './entry.ts';

/** ND6xx: what an earlier life of this machine left. */
export const leftoverCodes = entries({
  ND601: {
    title: 'port already in use',
    why: 'Another process listens on a port that nodectl needs.',
    fix: ['Stop that process, or give another port in the configuration.'],
    exit: 'preflight',
  },
});
