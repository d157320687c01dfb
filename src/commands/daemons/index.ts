import {type Daemon, plainValues} from './flags.ts';

const daemons: Readonly<Record<string, () => Promise<{readonly daemon: Daemon}>>> = {
  kubelet: () => import('./kubelet.ts'),
  proxy: () => import('./proxy.ts'),
  supervise: () => import('./supervisor.ts'),
};

/**
 * What runs a daemon whose command line is plain, as units have it, and only that: with oclif, and all commands, each of
 * them would be 5 MB larger for as long as it lives. Undefined for whatever oclif has to answer.
 */
export async function plainDaemon([id = '', ...words]: readonly string[]): Promise<
  (() => Promise<void>) | undefined
> {
  const load = Object.hasOwn(daemons, id) ? daemons[id] : undefined;
  if (load === undefined) return undefined;
  const {daemon} = await load();
  const values = plainValues(words, daemon);
  return values === undefined ? undefined : () => daemon.run(values);
}

/** A daemon that ends says why in `systemctl status` too; where no service manager listens, nobody is told. */
export async function tellServiceManager({code, message}: {code: string; message: string}): Promise<void> {
  const {serviceNotifier} = await import('../../edges/systemd/notify.ts');
  await serviceNotifier().status(`${code} ${message}`);
}
