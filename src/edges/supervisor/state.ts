import {basename, join} from 'node:path';
import {exists, listDirectory, makeDirectory, readText, removeFile, writeAtomic} from '../files/files.ts';
import {allPids, commandOf, environmentOf, identify, isAlive, type ProcessId} from '../process/processes.ts';

/** A daemon's description as the supervisor reads it. */
export type SupervisedUnit = {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly after: readonly string[];
  readonly killMode: 'process' | 'group';
  readonly stopTimeoutMs: number;
  readonly logFile: string;
};

/** What is known of a daemon's runs; survives the supervisor. */
export type RunRecord = {
  readonly process?: ProcessId;
  readonly starts: number;
  readonly lastExit?: string;
};

/**
 * The files of one supervised node: `units/NAME.json` says how, `wanted/NAME` whether, `runs/NAME.json` what runs.
 * They alone are the truth, so a supervisor that was killed and started again finds everything as it was.
 */
export class SupervisorState {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  get socket(): string {
    return join(this.dir, 'control.sock');
  }

  get lock(): string {
    return join(this.dir, 'lock');
  }

  unitPath(name: string): string {
    return join(this.dir, 'units', `${name}.json`);
  }

  async prepare(): Promise<void> {
    for (const name of ['', 'units', 'wanted', 'runs']) await makeDirectory(join(this.dir, name), 0o700);
  }

  async names(): Promise<string[]> {
    const found = [
      ...(await listDirectory(join(this.dir, 'units'))),
      ...(await listDirectory(join(this.dir, 'runs'))),
    ];
    return [...new Set(found.filter((f) => f.endsWith('.json')).map((f) => basename(f, '.json')))]
      .filter((name) => !name.startsWith('.'))
      .sort();
  }

  async unit(name: string): Promise<SupervisedUnit | undefined> {
    const text = await readText(this.unitPath(name));
    return text === undefined ? undefined : parseUnit(text);
  }

  /** A description that a disk has damaged is as good as none, but ends no daemon that runs by it. */
  async wholeUnit(name: string): Promise<SupervisedUnit | undefined> {
    return this.unit(name).catch(() => undefined);
  }

  async wanted(name: string): Promise<boolean> {
    return exists(this.#wantedPath(name));
  }

  async want(name: string): Promise<void> {
    // Once is enough, and a full disk takes no file: what is to be started is most wanted then.
    if (!(await this.wanted(name))) await writeAtomic(this.#wantedPath(name), '');
  }

  async unwant(name: string): Promise<void> {
    await removeFile(this.#wantedPath(name));
  }

  async record(name: string): Promise<RunRecord> {
    const text = await readText(this.#runPath(name));
    return text === undefined ? {starts: 0} : parseRecord(text);
  }

  async writeRecord(name: string, record: RunRecord): Promise<void> {
    await writeAtomic(this.#runPath(name), `${JSON.stringify(record)}\n`);
  }

  async forget(name: string): Promise<void> {
    await removeFile(this.#runPath(name));
  }

  /** Its running process: by record, else (the supervisor died between start and record) by the mark it carries. */
  async running(name: string): Promise<ProcessId | undefined> {
    const {process} = await this.record(name);
    return process !== undefined && (await isAlive(process)) ? process : undefined;
  }

  mark(name: string): string {
    return `${this.dir}/${name}`;
  }

  /** A daemon of ours that no record tells of. Its children carry the mark too, but not its words. */
  async strayed(unit: SupervisedUnit): Promise<ProcessId | undefined> {
    const words = unit.argv.join('\0');
    for (const pid of await allPids()) {
      if ((await commandOf(pid)).join('\0') !== words) continue;
      if ((await environmentOf(pid, 'NODECTL_UNIT')) === this.mark(unit.name)) return identify(pid);
    }
    return undefined;
  }

  #wantedPath(name: string): string {
    return join(this.dir, 'wanted', name);
  }

  #runPath(name: string): string {
    return join(this.dir, 'runs', `${name}.json`);
  }
}

/** Written by us through `writeAtomic`: either whole or absent. */
function parseUnit(text: string): SupervisedUnit {
  return JSON.parse(text);
}

/** A damaged record tells as little as none: the daemon is found by the mark that it carries. */
function parseRecord(text: string): RunRecord {
  try {
    return JSON.parse(text);
  } catch {
    return {starts: 0};
  }
}
