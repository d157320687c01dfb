import {describe, expect, it} from 'vitest';
import {judgeBoot} from '../../../src/checks/kubelet/boot-start.ts';
import type {DaemonSight} from '../../../src/checks/node/context.ts';

const sight = (given: Partial<DaemonSight['status']> = {}): DaemonSight => ({
  status: {installed: true, enabled: true, running: true, restarting: false, restarts: 0, ...given},
  upMs: 1000,
  log: [],
});

describe('daemons at the next boot', () => {
  it('start', () => expect(judgeBoot([['kubelet', sight()]])).toEqual([]));

  it('do not start where somebody turned them off', () => {
    const off = sight({enabled: false});
    expect(
      judgeBoot([
        ['containerd', off],
        ['kubelet', off],
        ['proxy', sight()],
      ]),
    ).toEqual([
      {
        code: 'ND760',
        severity: 'warning',
        message: 'containerd, nodectl-kubelet run, but do not start at the next boot',
        next: ['sudo systemctl enable containerd nodectl-kubelet'],
      },
    ]);
    expect(judgeBoot([['proxy', off]])[0]?.message).toBe(
      'nodectl-proxy runs, but does not start at the next boot',
    );
  });

  it('are told by others while they do not run, or are not there', () => {
    expect(judgeBoot([['kubelet', sight({enabled: false, running: false})]])).toEqual([]);
    expect(judgeBoot([['kubelet', sight({enabled: false, installed: false})]])).toEqual([]);
  });
});
