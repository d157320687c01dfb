import type {Digested} from '../config/runtime/runtime-source.ts';
import {exists, removeFile} from '../edges/files/files.ts';
import {copyProgram, makeExecutable, makeOneDirectory} from '../edges/files/host-files.ts';
import {takeLock} from '../edges/files/lock.ts';
import {sha256OfFile} from '../edges/install/airgap.ts';
import {fetchVerified} from '../edges/install/archives.ts';
import {journalStore} from '../edges/logs/journal-store.ts';
import {observeMachine} from '../edges/machine/machine.ts';
import {run} from '../edges/process/run.ts';
import type {ServiceManager} from '../edges/systemd/services.ts';
import {describeError, NodectlError} from '../lib/errors.ts';
import {lockPath} from './join.ts';
import {kubeletService, proxyService, serviceManager, stablePlace} from './preflight.ts';
import {awaitHealth, type HealthWatch} from './status/health.ts';
import type {NodePlace, StepDeps} from './types.ts';
import {Journal} from './undo/journal.ts';

export type UpgradeOptions = NodePlace & {
  /** The new binary: a path or a URL, and what it must be. */
  readonly file: Digested;
  readonly healthMs: number;
};

export type UpgradeResult = {readonly version: string; readonly changed: boolean};

/**
 * Puts another nodectl in the place of this one and starts kubelet and proxy from it; containers and containerd are
 * not touched. When the node is not well in time, the old one comes back.
 * @throws NodectlError ND522, ND910 for a binary that is not as it should be, ND911 when the old one is back
 */
export async function upgradeNode(options: UpgradeOptions, deps: StepDeps): Promise<UpgradeResult> {
  const machine = await observeMachine();
  if (!machine.root) throw new NodectlError('ND101', 'an upgrade changes the machine and must run as root');
  const lock = await takeLock(lockPath(options.layout));
  try {
    const place = await installedProgram(options, deps.program);
    const services = serviceManager(options, machine.systemd, [place]);
    return await swap(options, deps, {place, services});
  } finally {
    await lock.release();
  }
}

type Installed = {readonly place: string; readonly services: ServiceManager};

async function installedProgram(options: UpgradeOptions, program: readonly string[]): Promise<string> {
  const journal = await Journal.open(journalStore(`${options.layout.stateDir}/journal`));
  if (!journal.entries.some(({kind}) => kind === 'node'))
    throw new NodectlError('ND731', 'there is no node here to upgrade');
  const [place, ...more] = stablePlace(options, program).program;
  if (place === undefined || more.length > 0 || !(await exists(place)))
    throw new NodectlError('ND910', 'this node runs from sources: there is no binary to replace');
  return place;
}

async function swap(options: UpgradeOptions, deps: StepDeps, installed: Installed): Promise<UpgradeResult> {
  const bin = `${options.layout.stateDir}/bin`;
  const [next, previous] = [`${bin}/nodectl.next`, `${bin}/nodectl.previous`];
  const version = await bring(options, next, deps);
  const same = (await sha256OfFile(installed.place)) === options.file.sha256;
  try {
    const stale = await staleDaemons(installed);
    if (same && stale.length === 0) return {version, changed: false};
    // The daemons' own state before: an upgrade need not heal what was ill.
    const watch: HealthWatch = {...options, services: installed.services, signal: deps.signal};
    if (!same) {
      await copyProgram(installed.place, previous);
      deps.onStep(`put ${version} in place`);
      await copyProgram(next, installed.place);
    }
    await start(watch, installed, deps).catch((error: unknown) =>
      rollBack(error, previous, watch, installed, deps),
    );
    return {version, changed: true};
  } finally {
    await removeFile(next);
  }
}

/** Verified while it is read, and shown to run on this machine before anything is replaced. */
async function bring({file, layout}: UpgradeOptions, next: string, deps: StepDeps): Promise<string> {
  deps.onStep(`fetch ${file.url ?? file.name} and compare its SHA-256`);
  await makeOneDirectory(`${layout.stateDir}/bin`, 0o755);
  const place =
    file.url === undefined ? ({kind: 'directory', path: '/'} as const) : ({kind: 'origin'} as const);
  await fetchVerified(place, file, next);
  try {
    await makeExecutable(next);
    const {stdout} = await run(next, ['--version'], {timeoutMs: 30_000});
    return stdout.trim().split('\n')[0] ?? '';
  } catch (cause) {
    throw new NodectlError('ND910', `${file.url ?? file.name} does not run on this machine`, {cause});
  }
}

async function staleDaemons({services, place}: Installed): Promise<string[]> {
  const names: string[] = [];
  for (const name of [kubeletService, proxyService]) {
    const {installed, enabled, pid} = await services.status(name);
    if (!installed || !enabled) continue;
    if (pid === undefined || !(await isProgramOf(pid, place))) names.push(name);
  }
  return names;
}

/** A program that was replaced shows as deleted (proc(5), /proc/PID/exe). */
async function isProgramOf(pid: number, place: string): Promise<boolean> {
  const {stdout} = await run('readlink', [`/proc/${pid}/exe`], {okCodes: [0, 1]});
  return stdout.trim() === place;
}

async function restartAll(installed: Installed, deps: StepDeps): Promise<void> {
  for (const name of await staleDaemons(installed)) {
    deps.onStep(`restart ${name}`);
    await installed.services.restart(name);
  }
}

/** A manager that cannot start it is as bad as a daemon that does not stay up. */
async function start(watch: HealthWatch, installed: Installed, deps: StepDeps): Promise<void> {
  await restartAll(installed, deps);
  await awaitHealth(watch, deps.onStep);
}

async function rollBack(
  error: unknown,
  previous: string,
  watch: HealthWatch,
  installed: Installed,
  deps: StepDeps,
): Promise<never> {
  deps.signal.throwIfAborted();
  const words = (await installed.services.log(kubeletService, 5).catch(() => [])).join('\n');
  if (!(await exists(previous)))
    throw new NodectlError('ND911', `${describeError(error)}\n${words}`, {cause: error});
  deps.onStep('the node is not well: put the previous one back');
  await copyProgram(previous, installed.place);
  const outcome = await start(watch, installed, deps).then(
    () => 'the previous one runs again',
    (again: unknown) => `the previous one is back, and is not well either: ${describeError(again)}`,
  );
  throw new NodectlError('ND911', `${describeError(error)}; ${outcome}\n${words}`, {cause: error});
}
