import {copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type Child, type RunOptions, type RunResult, run, start} from '../../../src/edges/process/exec.ts';
import {kubectl} from './debian.ts';
import type {Machine} from './machine.ts';

export type Suite = Parameters<typeof kubectl>[0];

/** A distribution's kubectl, run in a machine's network with that machine's admin kubeconfig. */
export class KubeCli {
  readonly #dir = mkdtempSync(join(tmpdir(), 'nodectl-kubectl-'));
  readonly #words: readonly string[];

  constructor(machine: Machine, suite: Suite, kubeconfig = '/var/lib/nodectl/sandbox/state/admin.conf') {
    const own = join(this.#dir, 'admin.conf');
    copyFileSync(machine.path(kubeconfig), own);
    this.#words = ['-t', String(machine.pid), '--net', kubectl(suite), '--kubeconfig', own];
  }

  /** The words after `nsenter`, for programs that start kubectl themselves. */
  get words(): readonly string[] {
    return this.#words;
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run('nsenter', [...this.#words, ...args], {timeoutMs: 90_000, ...options});
  }

  async text(...args: string[]): Promise<string> {
    return (await this.run(args)).stdout;
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.text(...args, '-o', 'json'));
  }

  start(...args: string[]): Child {
    return start('nsenter', [...this.#words, ...args]);
  }

  /** Creates an object from a manifest. */
  async create(object: object, ...args: string[]): Promise<string> {
    return (await this.run(['create', '-f', this.file(object), ...args])).stdout;
  }

  /** A manifest as a file. */
  file(object: object): string {
    const path = join(this.#dir, `${Math.random().toString(36).slice(2)}.json`);
    writeFileSync(path, JSON.stringify(object));
    return path;
  }

  kubeconfig(): string {
    return readFileSync(join(this.#dir, 'admin.conf'), 'utf8');
  }

  remove(): void {
    rmSync(this.#dir, {recursive: true, force: true});
  }
}
