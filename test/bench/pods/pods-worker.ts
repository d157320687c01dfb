// Run in the machine's network: KUBECONFIG COUNT [PROC SECONDS] → one JSON line with what happened to COUNT pods, and
// what the process of that directory used in so many seconds while they only ran.
import {readFileSync} from 'node:fs';
import {realClock} from '../../../src/edges/clock.ts';
import {loadKubeconfig} from '../../../src/edges/kube/connection.ts';
import {connectKube} from '../../../src/edges/kube/http-client.ts';
import {startReflector} from '../../../src/edges/kube/watch/reflector.ts';
import type {Draft, Pod} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import {pods} from '../../../src/lib/resources.ts';

const [kubeconfig = '', count = '1', proc = '', idleSeconds = '0'] = process.argv.slice(2);
const names = Array.from({length: Number(count)}, (_, at) => `bench-${count}-${at}`);
const client = connectKube(await loadKubeconfig(kubeconfig));

const draft = (name: string): Draft<Pod> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {name, namespace: 'default'},
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{name: 'main', image: 'nodectl.local/pause:1', imagePullPolicy: 'IfNotPresent'}],
  },
});

/** Milliseconds from asking until `reached` holds for each pod, as the watch tells it. */
class Phase {
  readonly #asked = new Map<string, number>();
  readonly took: number[] = [];
  readonly #done = Promise.withResolvers<void>();
  readonly done = this.#done.promise;

  ask(name: string): void {
    this.#asked.set(name, performance.now());
  }

  reached(name: string): void {
    const asked = this.#asked.get(name);
    if (asked === undefined) return;
    this.#asked.delete(name);
    this.took.push(performance.now() - asked);
    if (this.took.length === names.length) this.#done.resolve();
  }
}

const starts = new Phase();
const ends = new Phase();
const reflector = startReflector({
  client,
  resource: pods,
  query: {namespace: 'default'},
  clock: realClock,
  log: silent,
  onEvent: ({type, object}) => {
    if (type === 'deleted') ends.reached(object.metadata.name);
    else if (object.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'))
      starts.reached(object.metadata.name);
  },
});
await reflector.synced;

async function timed(phase: Phase, act: (name: string) => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await Promise.all(
    names.map((name) => {
      phase.ask(name);
      return act(name);
    }),
  );
  await phase.done;
  return performance.now() - started;
}

const ticksPerSecond = 100;
/** The first seconds belong to the starts still. */
const settleMs = 20_000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function cpuSeconds(): number {
  const fields = readFileSync(`${proc}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function idleCosts(): Promise<{corePercent: number; rssMb: number} | undefined> {
  if (proc === '') return undefined;
  await pause(settleMs);
  const before = cpuSeconds();
  await pause(Number(idleSeconds) * 1000);
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`${proc}/status`, 'utf8'))?.[1] ?? '0';
  return {
    corePercent: ((cpuSeconds() - before) / Number(idleSeconds)) * 100,
    rssMb: Math.round(Number(rss) / 1024),
  };
}

const startMs = await timed(starts, (name) => client.create(pods, draft(name), {namespace: 'default'}));
const idle = await idleCosts();
const endMs = await timed(ends, (name) => client.delete(pods, {name, namespace: 'default'}));
process.stdout.write(`${JSON.stringify({startMs, starts: starts.took, endMs, ends: ends.took, idle})}\n`);
process.exit(0);
