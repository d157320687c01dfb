import {dirname} from 'node:path';
import {type SandboxSettings, sandboxPaths, sandboxService} from '../../config/sandbox.ts';
import {makeDirectory} from '../../edges/files/files.ts';
import {copyProgram, fileStamp} from '../../edges/files/host-files.ts';
import type {ServiceManager, ServiceStatus, ServiceUnit} from '../../edges/systemd/services.ts';
import type {Decision, Reconciler} from '../../lib/control/reconcile.ts';
import {NodectlError} from '../../lib/errors.ts';

export type ControlPlaneSeen = {
  /** The installed copy is the program that runs now. */
  readonly programCurrent: boolean;
  readonly status: ServiceStatus;
  readonly revision: string;
  /** /readyz of the API server says ok. */
  readonly ready: boolean;
  readonly log: readonly string[];
};

export type ControlPlaneAct =
  | {readonly kind: 'copy-program'}
  | {readonly kind: 'install-unit'}
  | {readonly kind: 'start'}
  | {readonly kind: 'restart'};

export type ControlPlaneDeps = {
  readonly settings: SandboxSettings;
  readonly services: ServiceManager;
  /** The words that start nodectl now; a single binary is copied to a place of its own. */
  readonly program: readonly string[];
  /** Whether the API server is ready. */
  readonly ready: () => Promise<boolean>;
};

/** The control plane as a service of the machine: a copy of the program, its unit, running and ready. */
export function controlPlaneReconciler(
  deps: ControlPlaneDeps,
): Reconciler<ControlPlaneSeen, ControlPlaneAct> {
  return {observe: () => see(deps), decide: decideControlPlane, apply: (act) => perform(act, deps)};
}

async function see({settings, services, program, ready}: ControlPlaneDeps): Promise<ControlPlaneSeen> {
  const [from = '', ...more] = program;
  const stamps = [fileStamp(from), fileStamp(sandboxPaths(settings).binary)];
  const [status, wanted, has] = await Promise.all([services.status(sandboxService), ...stamps]);
  return {
    programCurrent: more.length > 0 || (wanted !== undefined && wanted === has),
    status,
    revision: sandboxUnit(settings, program, wanted).env?.NODECTL_REVISION ?? '',
    ready: status.running && (await ready()),
    log: status.restarts < 3 ? [] : await services.log(sandboxService, 5),
  };
}

async function perform(act: ControlPlaneAct, {settings, services, program}: ControlPlaneDeps): Promise<void> {
  const [from = ''] = program;
  const {binary} = sandboxPaths(settings);
  switch (act.kind) {
    case 'copy-program':
      await makeDirectory(dirname(binary));
      return copyProgram(from, binary);
    case 'install-unit':
      return services.install(sandboxUnit(settings, program, await fileStamp(from)));
    case 'start':
      return services.start(sandboxService);
    case 'restart':
      return services.restart(sandboxService);
  }
}

export function decideControlPlane(seen: ControlPlaneSeen): Decision<ControlPlaneAct> {
  const {status} = seen;
  const acts: ControlPlaneAct[] = [];
  const stale = status.running && status.revision !== seen.revision;
  if (!seen.programCurrent) acts.push({kind: 'copy-program'});
  if (!status.installed || stale) acts.push({kind: 'install-unit'});
  if (!status.running || !status.enabled) acts.push({kind: 'start'});
  else if (stale || !seen.programCurrent) acts.push({kind: 'restart'});
  if (acts.length > 0) return {acts};
  if (seen.ready) return {acts};
  if (status.restarts >= 3)
    throw new NodectlError('ND803', `it ended ${status.restarts} times\n${seen.log.join('\n')}`);
  return {acts, againInMs: 100};
}

/** A cluster whose API server has an IPv6 address is one of IPv6 alone: its machines may have no other. */
const rangesOfIpv6 = {
  'service-cidr': 'fd00:10:96::/112',
  'pod-cidr': 'fd00:10:244::/56',
  'dns-service-ip': 'fd00:10:96::a',
};

/** `stamp` of the program is part of the revision: another program is started anew. */
export function sandboxUnit(
  settings: SandboxSettings,
  program: readonly string[],
  stamp: string | undefined,
): ServiceUnit {
  const paths = sandboxPaths(settings);
  const words = program.length === 1 ? [paths.binary] : program;
  const flags = {
    'state-dir': paths.state,
    address: settings.address,
    port: settings.port,
    'dns-port': settings.dnsPort,
    ...(settings.address.includes(':') ? rangesOfIpv6 : {}),
  };
  const argv = [
    ...words,
    'sandbox',
    'serve',
    ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
  ];
  return {
    name: sandboxService,
    description: 'nodectl sandbox: one-machine Kubernetes control plane',
    argv,
    env: {NODECTL_REVISION: [...argv, stamp ?? ''].join(' ')},
    restart: 'always',
    notify: false,
    killMode: 'group',
    stopTimeoutMs: 10_000,
    template: 'templates/sandbox.service',
  };
}
