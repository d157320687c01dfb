import {NodectlError} from '../../lib/errors.ts';

const ours = ['preflight', 'host', 'runtime', 'identity', 'services', 'proxy', 'ready'] as const;

export type SkippablePhase = (typeof ours)[number];

/** kubeadm's phases of `join` by what they do to a worker; those of control planes do nothing there. */
const kubeadm: Readonly<Record<string, readonly SkippablePhase[]>> = {
  'kubelet-start': ['identity', 'services', 'proxy'],
  'kubelet-wait-bootstrap': ['ready'],
  'check-etcd': [],
  'etcd-join': [],
  'wait-control-plane': [],
  'control-plane-prepare': [],
  'control-plane-join': [],
};

/** @throws NodectlError ND904 for a phase that neither nodectl nor kubeadm has */
export function skippedPhases(names: readonly string[]): SkippablePhase[] {
  return names
    .flatMap((name) => name.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .flatMap((name) => {
      const own = ours.find((phase) => phase === name);
      const mapped = own === undefined ? kubeadm[name.split('/')[0] ?? ''] : [own];
      if (mapped !== undefined) return mapped;
      throw new NodectlError(
        'ND904',
        `there is no phase ${name}; phases are ${[...ours, ...Object.keys(kubeadm)].join(', ')}`,
      );
    });
}
