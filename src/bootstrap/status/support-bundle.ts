import type {Finding} from '../../checks/check.ts';
import {kubernetesVersion} from '../../config/version.ts';
import {writeAtomic} from '../../edges/files/files.ts';
import {coded} from '../../lib/coded.ts';
import {describeError, NodectlError} from '../../lib/errors.ts';
import {redactText, redactValue} from '../../lib/text/redact.ts';
import {type TarFile, tar} from '../../lib/text/tar.ts';
import type {Facts} from '../phase.ts';
import type {PhaseReport} from '../types.ts';

const services = ['nodectl-kubelet', 'nodectl-proxy', 'containerd'];
const logLines = 200;

export type FailedJoin = {
  readonly facts: Facts;
  readonly findings: readonly Finding[];
  readonly reports: readonly PhaseReport[];
  readonly error: unknown;
};

/**
 * The error of a failed join, with a support bundle beside it. A join that failed before it changed anything leaves
 * nothing, and neither does one without a log directory of ours, from which a reset would take the bundle away again.
 */
export async function withBundle(failed: FailedJoin, now: Date): Promise<unknown> {
  const {facts, error} = failed;
  const {logDir} = facts.options.layout;
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  const path = `${logDir}/join-failed-${stamp}Z.tar`;
  const ours = facts.journal.find({kind: 'tree', target: logDir}) !== undefined || facts.journal.covers(path);
  if (!ours) return error;
  try {
    await writeAtomic(path, tar(await bundleFiles(failed), now.getTime() / 1000), 0o600);
  } catch {
    // The disk may be full, and that be the failure: its own error matters more.
    return error;
  }
  const {code, message, cause, next} = coded(error);
  return new NodectlError(code, message, {cause, next, bundle: path});
}

async function bundleFiles({facts, findings, reports, error}: FailedJoin): Promise<TarFile[]> {
  const {machine, cluster, journal} = facts;
  const versions = {
    kubernetes: kubernetesVersion,
    reported: cluster.version,
    node: process.version,
    kernel: machine.kernel,
    arch: machine.arch,
    distribution: machine.distribution,
    cgroup: machine.cgroup,
    systemd: machine.systemd,
  };
  return [
    {name: 'error.txt', content: redactText(describeError(error))},
    json('versions.json', versions),
    json('plan.json', {options: optionsToShow(facts), server: cluster.server, done: reports}),
    // Entries only: what files held before may be anybody's secret.
    json('journal.json', journal.entries),
    json('checks.json', {findings, addresses: facts.addresses}),
    ...(await Promise.all(services.map((name) => logOf(facts, name)))),
  ];
}

/** Without the types of things that are secret as a whole: credentials, kubeconfigs. */
function optionsToShow({options}: Facts): object {
  const {bootstrap, discovery, proxyKubeconfig, ...shown} = options;
  return {
    ...shown,
    discovery: discovery.kind === 'token' ? {...discovery, token: {id: discovery.token.id}} : discovery,
    bootstrap: {kind: bootstrap.kind},
    proxyKubeconfig: proxyKubeconfig === undefined ? 'none' : 'given',
  };
}

function json(name: string, value: unknown): TarFile {
  return {name, content: `${JSON.stringify(redactValue(value), null, 2)}\n`};
}

async function logOf({services: manager}: Facts, name: string): Promise<TarFile> {
  const lines = await manager.log(name, logLines).catch((error: unknown) => [describeError(error)]);
  return {name: `logs/${name}.log`, content: `${redactText(lines.join('\n'))}\n`};
}
