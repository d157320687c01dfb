import type {Node, Pod} from '../../lib/kubernetes.ts';

/** A pod of this node that was admitted and has not come to its end. */
export type ActivePod = {
  readonly pod: Pod;
  readonly isStatic: boolean;
  /** It is being ended: what it holds will be free soon. */
  readonly ending: boolean;
};

/** Everything that the admission of a pod depends on. */
export type AdmissionSeen = {
  readonly pod: Pod;
  readonly isStatic: boolean;
  /** Undefined until the Node is known with its status: a static pod is then not held to it. */
  readonly node: Node | undefined;
  readonly others: readonly ActivePod[];
  readonly allowedUnsafeSysctls: readonly string[];
  /** The kernel confines by AppArmor. */
  readonly appArmor: boolean;
  /** What the node declares that it can. */
  readonly features: readonly string[];
};

export type Rejection = {readonly reason: string; readonly message: string};

export type Admission =
  | {readonly do: 'admit'}
  | ({readonly do: 'reject'} & Rejection)
  /** What the pod needs is not known yet, or is being freed. */
  | {readonly do: 'wait'}
  /** These end first, for want of `resource` before others; then the pod is looked at again. */
  | {readonly do: 'preempt'; readonly pods: readonly Pod[]; readonly resource: string};

/** Why a pod does not fit: too little of something, or a rule of the node (lifecycle/predicate.go). */
export type Misfit =
  | {
      readonly kind: 'shortage';
      readonly resource: string;
      readonly requested: number;
      readonly used: number;
      readonly capacity: number;
    }
  | {readonly kind: 'predicate'; readonly name: string; readonly message: string};
