import type {Node, PodSpec} from '../../../lib/kubernetes.ts';

export type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];
export type Toleration = NonNullable<PodSpec['tolerations']>[number];

/** corev1.Toleration.ToleratesTaint; an empty effect or key stands for all of them. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator || 'Equal') {
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '');
    case 'Exists':
      return true;
    case 'Lt':
      return compares(taint.value, toleration.value, (a, b) => a < b);
    case 'Gt':
      return compares(taint.value, toleration.value, (a, b) => a > b);
    default:
      return false;
  }
}

function compares(
  a: string | undefined,
  b: string | undefined,
  holds: (a: number, b: number) => boolean,
): boolean {
  const integer = /^-?(0|[1-9]\d*)$/;
  return integer.test(a ?? '') && integer.test(b ?? '') && holds(Number(a), Number(b));
}

export function isTolerated(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  return (tolerations ?? []).some((toleration) => tolerates(toleration, taint));
}
