import {join} from 'node:path';
import {NodectlError} from '../../lib/errors.ts';
import {sleep} from '../clock.ts';
import {exists, makeDirectory, readText, removeFile, writeAtomic} from '../files/files.ts';
import {followFile} from '../files/follow.ts';
import {startDetached} from '../process/detached.ts';
import {environmentOf, statOf} from '../process/processes.ts';
import {ask, ping} from '../supervisor/client.ts';
import {type SupervisedUnit, SupervisorState} from '../supervisor/state.ts';
import type {ServiceManager, ServiceStatus, ServiceUnit, UnitFile} from './services.ts';

export type SupervisedOptions = {
  /** Where units, records and the control socket are; survives a reboot. */
  readonly dir: string;
  readonly logDir: string;
  /** The words that start nodectl: the supervisor is one more of its commands. */
  readonly program: readonly string[];
};

const startupMs = 15_000;

/** Services where systemd is not PID 1: one supervisor per directory, started when it is first needed. */
export function supervisedServices(options: SupervisedOptions): ServiceManager {
  const state = new SupervisorState(options.dir);
  const settle = async (op: 'sync' | 'restart', name: string): Promise<void> => {
    await ensureSupervisor(state, options);
    const stopMs = (await state.wholeUnit(name))?.stopTimeoutMs ?? 10_000;
    await ask(state.socket, {op, name}, stopMs + startupMs);
  };
  const file = (unit: ServiceUnit): UnitFile => ({
    path: state.unitPath(unit.name),
    content: `${JSON.stringify(description(unit, options), null, 2)}\n`,
    mode: 0o600,
  });
  return {
    kind: 'supervised',
    file,
    async install(unit) {
      await state.prepare();
      const {path, content, mode} = file(unit);
      await writeAtomic(path, content, mode);
    },
    // Units are read at each round: there is nothing to reload.
    reload: async () => undefined,
    async start(name) {
      await state.prepare();
      await state.want(name);
      await settle('sync', name);
    },
    async stop(name) {
      await state.unwant(name);
      if ((await state.running(name)) !== undefined) await settle('sync', name);
    },
    async restart(name) {
      await state.want(name);
      await settle('restart', name);
    },
    async disable(name) {
      await this.stop(name);
    },
    async remove(name) {
      await this.stop(name);
      await removeFile(state.unitPath(name));
      await state.forget(name);
    },
    status: (name) => statusOf(state, name),
    async log(name, lines) {
      return lastLines((await readText(logFile(options, name))) ?? '', lines);
    },
    async follow(name, lines, out, signal) {
      const path = logFile(options, name);
      const text = (await readText(path)) ?? '';
      for (const line of lastLines(text, lines)) out.write(`${line}\n`);
      await followFile(path, Buffer.byteLength(text), out, signal);
    },
  };
}

/** Ends the supervisor of a directory that has no daemons left. */
export async function shutdownIdleSupervisor(dir: string): Promise<void> {
  const state = new SupervisorState(dir);
  if ((await state.names()).length > 0 || !(await ping(state.socket))) return;
  const pid = await ask(state.socket, {op: 'shutdown'}, startupMs);
  // It answers first and ends then; nothing may be left of it when this returns.
  for (let waited = 0; waited < startupMs && (await statOf(pid)) !== undefined; waited += 20) await sleep(20);
}

function lastLines(text: string, lines: number): string[] {
  const whole = text.trimEnd();
  return whole === '' || lines === 0 ? [] : whole.split('\n').slice(-lines);
}

function description(unit: ServiceUnit, options: SupervisedOptions): SupervisedUnit {
  return {
    name: unit.name,
    argv: unit.argv,
    env: unit.env ?? {},
    after: unit.after ?? [],
    killMode: unit.killMode,
    stopTimeoutMs: unit.stopTimeoutMs,
    logFile: logFile(options, unit.name),
  };
}

function logFile(options: SupervisedOptions, name: string): string {
  return join(options.logDir, `${name}.log`);
}

async function statusOf(state: SupervisorState, name: string): Promise<ServiceStatus> {
  const [unit, wanted, recorded, record] = await Promise.all([
    state.wholeUnit(name),
    state.wanted(name),
    state.running(name),
    state.record(name),
  ]);
  const damaged = unit === undefined && (await exists(state.unitPath(name)));
  // A supervisor that was killed just after a start had no time to record it: the daemon is ours all the same.
  const running = recorded ?? (unit === undefined ? undefined : await state.strayed(unit));
  return {
    installed: unit !== undefined,
    ...(damaged ? {unusable: 'damaged' as const} : {}),
    enabled: wanted,
    running: running !== undefined,
    restarting: running === undefined && unit !== undefined && wanted && (await ping(state.socket)),
    ...(running === undefined
      ? {}
      : {pid: running.pid, revision: await environmentOf(running.pid, 'NODECTL_REVISION')}),
    restarts: Math.max(0, record.starts - 1),
    ...(record.lastExit === undefined ? {} : {lastExit: record.lastExit}),
  };
}

async function ensureSupervisor(state: SupervisorState, options: SupervisedOptions): Promise<void> {
  if (await ping(state.socket)) return;
  await state.prepare();
  await makeDirectory(options.logDir, 0o750);
  const log = join(options.logDir, 'supervisor.log');
  const child = await startDetached([...options.program, 'supervise', '--dir', options.dir], {
    env: {PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/root'},
    cwd: '/',
    logFile: log,
  });
  let ended = false;
  void child.exited.then(() => {
    ended = true;
  });
  for (let waited = 0; waited < startupMs; waited += 50) {
    if (await ping(state.socket)) return;
    if (ended) break;
    await sleep(50);
  }
  const words = ((await readText(log)) ?? '').trim().split('\n').slice(-3).join('\n');
  throw new NodectlError('ND702', `the supervisor did not start\n${words}`);
}
