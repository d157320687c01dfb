import {entries} from './entry.ts';

/** ND7xx: kubelet, proxy and the services of the host. */
export const serviceCodes = entries({
  ND701: {
    title: 'kubelet configuration invalid',
    why: 'A KubeletConfiguration field has a value that cannot be honoured.',
    fix: ['Correct the named field.'],
    exit: 'usage',
  },
});
