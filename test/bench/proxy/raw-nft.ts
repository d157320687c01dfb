import {realClock} from '../../../src/edges/clock.ts';
import {openNft} from '../../../src/edges/nftables/nft.ts';
import {KernelEvents, mark} from './kernel-events.ts';
import type {Figures, Load} from './measure.ts';
import {benchNetns} from './place.ts';
import {MemoryWatch} from './usage.ts';

const changes = 60;
const perStatement = 500;
/** Ten thousand Services of two endpoints are one transaction; nft needs 2 KB for each element of one. */
const statementsPerCommit = 100;

/** The floor: nft by itself, with elements of the same number and kind, as fast as it takes them. */
export async function measureRaw(load: Load): Promise<Figures> {
  const {netns, remove} = await benchNetns();
  const nft = openNft({clock: realClock, command: ['nsenter', `--net=${netns.path}`, 'nft']});
  let events: KernelEvents | undefined;
  let memory: MemoryWatch | undefined;
  try {
    events = await KernelEvents.begin(netns);
    events.pause();
    memory = new MemoryWatch(process.pid, false);
    const statements = table(load);
    const started = performance.now();
    for (let at = 0; at < statements.length; at += statementsPerCommit)
      await nft.commit(statements.slice(at, at + statementsPerCommit));
    const fromStartMs = performance.now() - started;
    await events.resume();
    const idle: number[] = [];
    for (let n = 0; n < changes; n++) {
      const address = mark(n + 1);
      const seen = events.seen(address, address);
      const at = performance.now();
      const key = `${clusterIP(n % load.services)} . 80 . 0`;
      await nft.commit([
        `delete element ip raw endpoints { ${key} }`,
        `add element ip raw endpoints { ${key} : ${address} . 8080 }`,
      ]);
      idle.push((await seen) - at);
    }
    const cpu = {fromStartCpuMs: Number.NaN, idleCpuMs: Number.NaN, churnCpuMs: Number.NaN};
    const memoryMB = {peakMB: memory.peakMB, restMB: Number.NaN, fileMB: Number.NaN};
    return {
      afterSyncMs: fromStartMs,
      fromStartMs,
      repairedMs: Number.NaN,
      idle,
      churn: [],
      ...cpu,
      ...memoryMB,
    };
  } finally {
    memory?.stop();
    await events?.stop();
    await nft.stop();
    await remove();
  }
}

function clusterIP(i: number): string {
  return `10.98.${i >> 8}.${i & 255}`;
}

function table({services, endpoints}: Load): string[] {
  const each = <T>(count: number, make: (i: number) => T) => Array.from({length: count}, (_, i) => make(i));
  const verdicts = each(services, (i) => `${clusterIP(i)} . tcp . 80 : goto c`);
  const targets = each(services, (i) =>
    each(endpoints, (e) => `${clusterIP(i)} . 80 . ${e} : 10.${129 + (e % 100)}.${i >> 8}.${i & 255} . 8080`),
  ).flat();
  return [
    'add table ip raw',
    'add chain ip raw c',
    'add map ip raw services { type ipv4_addr . inet_proto . inet_service : verdict; }',
    'add map ip raw endpoints { type ipv4_addr . inet_service . mark : ipv4_addr . inet_service; }',
    ...statementsOf('services', verdicts),
    ...statementsOf('endpoints', targets),
  ];
}

function statementsOf(map: string, elements: readonly string[]): string[] {
  const statements: string[] = [];
  for (let at = 0; at < elements.length; at += perStatement)
    statements.push(`add element ip raw ${map} { ${elements.slice(at, at + perStatement).join(', ')} }`);
  return statements;
}
