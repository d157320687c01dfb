import {serviceNotifier} from '../edges/systemd/notify.ts';
import type {NodectlError} from '../lib/errors.ts';
import {BaseCommand} from '../ui/base-command.ts';

/** A daemon that ends says why in `systemctl status` too; where no service manager listens, nobody is told. */
export abstract class DaemonCommand extends BaseCommand {
  protected override beforeFailure({code, message}: NodectlError): Promise<void> {
    return serviceNotifier().status(`${code} ${message}`);
  }
}
