/**
 * The Kubernetes release whose kubelet behaviour nodectl implements. It is reported as kubeletVersion, so it must be
 * a real release: schedulers, controllers and version-skew checks parse and compare it.
 */
export const kubernetesVersion = 'v1.36.0';
