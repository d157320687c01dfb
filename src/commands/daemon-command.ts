import {kubernetesVersion} from '../config/version.ts';
import type {NodectlError} from '../lib/errors.ts';
import {BaseCommand} from '../ui/base-command.ts';

/** A daemon that ends says why in `systemctl status` too; where no service manager listens, nobody is told. */
export abstract class DaemonCommand extends BaseCommand {
  /** `--version` in the words that kubeadm's preflight reads of a kubelet (component-base/version/verflag). */
  protected override async init(): Promise<void> {
    await super.init();
    if (!this.argv.some((word) => /^--version(=|$)/.test(word))) return;
    this.log(`Kubernetes ${kubernetesVersion}`);
    this.exit(0);
  }

  protected override async beforeFailure({code, message}: NodectlError): Promise<void> {
    const {serviceNotifier} = await import('../edges/systemd/notify.ts');
    return serviceNotifier().status(`${code} ${message}`);
  }
}
