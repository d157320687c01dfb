/**
 * The only door to the Kubernetes client's runtime values. Named re-exports keep the bundle small; import this
 * file lazily, so that daemons that do not need it never load it.
 */
export {KubeConfig} from '@kubernetes/client-node';
