import {entries} from './entry.ts';

/** ND75x: pods of this node. */
export const podCodes = entries({
  ND751: {
    title: 'a pod does not start',
    why: 'A pod of this node waits longer than it should.',
    fix: ['kubectl describe pod NAME', 'nodectl logs kubelet'],
    exit: 'waiting',
  },
  ND752: {
    title: 'a container ends again and again',
    why: 'The program in it fails soon after its start; the kubelet waits longer each time.',
    fix: ['kubectl logs --previous NAME'],
    exit: 'waiting',
  },
  ND753: {
    title: 'a pod does not end',
    why: 'A pod was deleted, its grace period has passed, and it is still here.',
    fix: ['kubectl describe pod NAME', 'nodectl logs kubelet'],
    exit: 'waiting',
  },
  ND754: {
    title: 'a container was ended for its memory',
    why: 'It reached its memory limit, and the kernel ended it; it starts again and will reach it again.',
    fix: ['kubectl describe pod NAME', 'Raise resources.limits.memory, or find the leak.'],
    exit: 'waiting',
  },
  ND755: {
    title: 'a pod is not ready',
    why: 'Its containers run, but a readiness or startup probe fails: Services send it nothing.',
    fix: ['kubectl describe pod NAME', 'kubectl logs NAME'],
    exit: 'waiting',
  },
  ND756: {
    title: 'a volume cannot be mounted',
    why: 'A ConfigMap, Secret, claim or directory that the pod names is not there, or cannot be used on this node.',
    fix: [
      'kubectl describe pod NAME',
      'Make the named object; for a claim: kubectl get persistentvolumeclaims,volumeattachments',
    ],
    exit: 'waiting',
  },
  ND757: {
    title: 'a pod gets no network',
    why: 'The CNI plugin failed: no addresses are left, its daemon does not run, or its configuration is wrong.',
    fix: ['nodectl logs kubelet', 'kubectl -n kube-system get pods -o wide'],
    exit: 'waiting',
  },
  ND758: {
    title: 'the node refused a pod',
    why: 'The pod was bound to this node, but does not fit it: too little room, a taint, or its node selector.',
    fix: ['kubectl describe pod NAME', 'kubectl describe node NAME'],
    exit: 'waiting',
  },
  ND759: {
    title: 'a static pod’s file is no pod',
    why: 'The kubelet starts each file of staticPodPath as a pod. One that is not valid is left out: its pod is not there, and nothing else tells.',
    fix: [
      'Correct the file; the kubelet reads it again by itself.',
      'kubectl apply --dry-run=client -f FILE shows what is wrong with it.',
      'nodectl logs kubelet | grep FILE',
    ],
    exit: 'kubelet',
  },
});
