/**
 * A pod asks for something that cannot be honoured as it stands: the message is what users read in the waiting
 * reason. Everything in this room that turns a spec into a runtime message throws only this.
 */
export class PodConfigError extends Error {
  /** The waiting reason of the container (pkg/kubelet/kuberuntime: ErrCreateContainerConfig). */
  readonly reason = 'CreateContainerConfigError';

  constructor(message: string) {
    super(message);
    this.name = 'PodConfigError';
  }
}
