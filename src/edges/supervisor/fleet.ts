import {dirname} from 'node:path';
import {Backoff} from '../../lib/control/backoff.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import {realClock} from '../clock.ts';
import {makeDirectory} from '../files/files.ts';
import {startDetached} from '../process/detached.ts';
import {endSession, identify, isAlive, type ProcessId, signalProcess} from '../process/processes.ts';
import {type Act, decide, type Seen} from './decide.ts';
import type {RunRecord, SupervisedUnit, SupervisorState} from './state.ts';

type Waiter = {resolve: () => void; reject: (error: unknown) => void};

/** What only this supervisor knows of a daemon. */
type Live = {
  /** Set for its own children: their ends are told; adopted ones are looked at. */
  childPid?: number | undefined;
  /** Known also without a record, which a full disk may have kept from being written. */
  process?: ProcessId | undefined;
  lastExit?: string;
  stoppingSinceMs?: number;
  condemned: boolean;
  /** Somebody asked for the next start: restarts are counted from it. */
  requested: boolean;
  /** It was started since somebody last asked: that it has ended again is for its status to say. */
  tried: boolean;
  notBeforeMs: number;
  waiters: Waiter[];
};

const baseEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
};

/** The daemons of one node: sees, decides and acts for one of them at a time. */
export class Fleet {
  onExit: (name: string) => void = () => undefined;
  readonly #state: SupervisorState;
  readonly #log: Logger;
  readonly #live = new Map<string, Live>();
  readonly #backoff = new Backoff({firstMs: 500, maxMs: 30_000, resetAfterMs: 60_000});

  constructor(state: SupervisorState, log: Logger) {
    this.#state = state;
    this.#log = log;
  }

  /** Finds daemons that were started in a supervisor's last moment, before it could note them. */
  async adopt(): Promise<void> {
    for (const name of await this.#state.names()) {
      const unit = await this.#state.wholeUnit(name);
      if (unit === undefined || (await this.#state.running(name)) !== undefined) continue;
      const process = await this.#state.strayed(unit);
      if (process === undefined) continue;
      this.#of(name).process = process;
      await this.#note(name, {...(await this.#state.record(name)), process});
    }
  }

  /**
   * Resolves when the daemon is as wanted, or was started and has ended again; with `restart`, after the running
   * process has ended once.
   */
  settled(name: string, restart: boolean): Promise<void> {
    const live = this.#of(name);
    // Somebody asked: its back-off no longer counts.
    live.notBeforeMs = 0;
    this.#backoff.succeed(name);
    live.requested = true;
    live.tried = false;
    if (restart) live.condemned = true;
    return new Promise((resolve, reject) => live.waiters.push({resolve, reject}));
  }

  async round(name: string): Promise<{againInMs?: number}> {
    const live = this.#of(name);
    // Who asks while this round runs may have changed what it has seen: the next round answers.
    const waiting = live.waiters.splice(0);
    try {
      // Who is to end needs no description that is whole.
      const wanted = await this.#state.wanted(name);
      const unit = await (wanted ? this.#state.unit(name) : this.#state.wholeUnit(name));
      const running = await this.#running(name);
      if (running === undefined) await this.#ended(name, unit);
      const endedAgain = running === undefined && live.tried;
      const {acts, settled: asWanted, ...again} = decide(await this.#observe(name, unit, running));
      for (const act of acts) await this.#apply(act, name, unit, running);
      const settled = asWanted || endedAgain;
      if (settled) for (const waiter of waiting) waiter.resolve();
      else live.waiters.unshift(...waiting);
      if (settled && live.waiters.length === 0) live.requested = false;
      return again;
    } catch (error) {
      for (const waiter of waiting) waiter.reject(error);
      throw error;
    }
  }

  async #observe(
    name: string,
    unit: SupervisedUnit | undefined,
    running: ProcessId | undefined,
  ): Promise<Seen> {
    const live = this.#of(name);
    return {
      installed: unit !== undefined,
      wanted: await this.#state.wanted(name),
      nowMs: realClock.monotonic(),
      running: running !== undefined,
      adopted: running !== undefined && running.pid !== live.childPid,
      condemned: live.condemned,
      stoppingSinceMs: live.stoppingSinceMs,
      stopTimeoutMs: unit?.stopTimeoutMs ?? 10_000,
      notBeforeMs: live.notBeforeMs,
      dependenciesRun: await this.#dependenciesRun(unit),
    };
  }

  async #dependenciesRun(unit: SupervisedUnit | undefined): Promise<boolean> {
    for (const name of unit?.after ?? [])
      if ((await this.#state.wanted(name)) && (await this.#running(name)) === undefined) return false;
    return true;
  }

  async #apply(
    act: Act,
    name: string,
    unit: SupervisedUnit | undefined,
    running: ProcessId | undefined,
  ): Promise<void> {
    switch (act.kind) {
      case 'spawn':
        if (unit !== undefined) await this.#spawn(unit);
        return;
      case 'terminate':
        this.#of(name).stoppingSinceMs = realClock.monotonic();
        if (running !== undefined) await signalProcess(running, 'SIGTERM');
        return;
      case 'kill':
        if (running !== undefined) await signalProcess(running, 'SIGKILL');
        return;
    }
  }

  async #spawn(unit: SupervisedUnit): Promise<void> {
    const live = this.#of(unit.name);
    const nowMs = realClock.monotonic();
    live.notBeforeMs = nowMs + this.#backoff.fail(unit.name, nowMs);
    await makeDirectory(dirname(unit.logFile), 0o750);
    const child = await startDetached(unit.argv, {
      env: {...baseEnvironment, ...unit.env, NODECTL_UNIT: this.#state.mark(unit.name)},
      cwd: '/',
      logFile: unit.logFile,
    });
    void child.exited.then(({code, signal}) => {
      live.lastExit = signal ?? `exit ${code}`;
      this.#log.warn(`${unit.name} ended`, {pid: child.pid, how: live.lastExit});
      this.onExit(unit.name);
    });
    const [record, process] = [await this.#state.record(unit.name), await identify(child.pid)];
    Object.assign(live, {childPid: child.pid, process});
    const starts = live.requested ? 1 : record.starts + 1;
    live.requested = false;
    live.tried = true;
    await this.#note(unit.name, {...record, process, starts});
    this.#log.info(`started ${unit.name}`, {pid: child.pid});
  }

  /** Nothing of it runs: what was said about its process no longer holds. */
  async #ended(name: string, unit: SupervisedUnit | undefined): Promise<void> {
    const live = this.#of(name);
    const {process: recorded, ...record} = await this.#state.record(name);
    const process = live.process ?? recorded;
    Object.assign(live, {
      condemned: false,
      stoppingSinceMs: undefined,
      childPid: undefined,
      process: undefined,
    });
    if (process === undefined) return;
    if (unit?.killMode === 'group') await endSession(process.pid, 'NODECTL_UNIT', this.#state.mark(name));
    const lastExit = live.lastExit ?? 'unknown';
    if (unit === undefined) await this.#state.forget(name);
    else await this.#note(name, {...record, lastExit});
  }

  async #running(name: string): Promise<ProcessId | undefined> {
    const recorded = await this.#state.running(name);
    const {process} = this.#of(name);
    if (recorded !== undefined || process === undefined) return recorded;
    return (await isAlive(process)) ? process : undefined;
  }

  /** Where nothing can be written, daemons are started all the same: one of them is who clears the disk. */
  async #note(name: string, record: RunRecord): Promise<void> {
    try {
      await this.#state.writeRecord(name, record);
    } catch (error) {
      this.#log.error(`${name}: what became of it cannot be noted`, {error: describeError(error)});
    }
  }

  #of(name: string): Live {
    const known = this.#live.get(name);
    if (known !== undefined) return known;
    const fresh: Live = {condemned: false, requested: false, tried: false, notBeforeMs: 0, waiters: []};
    this.#live.set(name, fresh);
    return fresh;
  }
}
