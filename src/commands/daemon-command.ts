import {Errors, Flags} from '@oclif/core';
import {kubernetesVersion} from '../config/version.ts';
import type {NodectlError} from '../lib/errors.ts';
import {BaseCommand} from '../ui/base-command.ts';
import {type DaemonFlag, type DaemonFlags, flagValue} from './daemons/flags.ts';
import {tellServiceManager} from './daemons/index.ts';

/** A daemon's flags as oclif reads and explains them. */
export function oclifFlags(flags: DaemonFlags) {
  return Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, oclifFlag(flag)]));
}

function oclifFlag(flag: DaemonFlag) {
  const {integer, ...shown} = flag;
  const daemonFlag = Flags.custom<string | number>({
    parse: (text) => {
      const value = flagValue(text, flag);
      if (value === undefined) throw new Errors.CLIError(`Expected an integer but received: ${text}`);
      return Promise.resolve(value);
    },
  });
  return daemonFlag(shown);
}

export abstract class DaemonCommand extends BaseCommand {
  /** `--version` in the words that kubeadm's preflight reads of a kubelet (component-base/version/verflag). */
  protected override async init(): Promise<void> {
    await super.init();
    if (!this.argv.some((word) => /^--version(=|$)/.test(word))) return;
    this.log(`Kubernetes ${kubernetesVersion}`);
    this.exit(0);
  }

  protected override beforeFailure(error: NodectlError): Promise<void> {
    return tellServiceManager(error);
  }
}
