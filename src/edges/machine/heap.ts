import {getHeapSpaceStatistics, setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';

const checkEveryMs = 15_000;
/** Share of one core below which a daemon counts as idle. */
const idleShare = 0.05;
/** After so many busy checks in a row it is no burst any more: so this daemon works now. */
const steadyChecks = 4;
/** The young generation follows within a second, and only what takes a good part of a core. */
const youngEveryMs = 1000;
const burstShare = 0.3;
/** Less than this, or than a quarter, is not worth a collection: it stops everything for some tens of milliseconds. */
const worthBytes = 10 * 1024 * 1024;
const worthShare = 0.25;
/**
 * So far the young generation may grow: both halves together. Without a bound ten thousand streams made it 128 MB, and
 * the process held 95 more than before; 32 are what a crowd of pods has any use for.
 */
const youngBoundBytes = 32 * 1024 * 1024;

/**
 * The one WebAssembly is undici's HTTP/1 parser, which it compiles with its first connection: V8's highest compiler takes
 * 25 MB for it and leaves 6 behind. A budget for it (--wasm-tiering-budget) does not keep it from beginning.
 */
const noWasmTiers = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering'];

/**
 * For a command that answers once: what V8's higher compilers would make of its code in other threads is never run. A
 * seventh of the CPU time of a status was theirs. To be called when the code is loaded: these flags make V8 refuse the
 * code caches that it was built with.
 */
export function answerOnce(): void {
  for (const flag of [...noWasmTiers, compiler.off, '--no-opt']) setFlagsFromString(flag);
}

/** Compiles what runs often well enough, within a millisecond or two; from then on that takes half the time. */
const compiler = {on: '--maglev', off: '--no-maglev'} as const;

/** Never as flags of the process: Node's own code cache is valid without any, and each start 9 ms faster with it. */
const compilers = {
  all: [],
  'but the highest': ['--no-turbofan'],
  'the simplest': [compiler.off, '--no-turbofan'],
} as const;

export type HeapOptions = {
  readonly growthPercent?: number;
  readonly compilers?: keyof typeof compilers;
  readonly youngGrowth?: number;
};

export type Heap = {
  /** Everything that can be given back: for the end of a burst. */
  collect(): void;
  /**
   * Where a burst is long: takes the garbage of its first stage, before the next one adds its own, and works with one
   * compiler more until `collect`.
   */
  hurry(): void;
};

/**
 * How often a function must have been found unused by a collection of garbage until V8 forgets its code, and compiles it
 * again when it is called: its own number, and the one that also counts for what has run a moment ago.
 */
const oldAge = {usual: 6, atOnce: 1};

/**
 * Keeps a daemon's memory near what it needs. It is idle nearly always and has a burst at the start and with each
 * crowd of pods; by default V8 lets the young generation grow in a burst, and keeps the emptied old one, for good:
 * a kubelet of 100 pods held 217 MB of which 42 MB were used. `growthPercent` bounds how much garbage a burst may leave
 * before it is collected; `collect` is for the end of one. `compilers` leaves the higher of V8's four out, whose
 * code and work cost some megabytes: for a daemon that mostly waits. Where `youngGrowth` lets the young
 * generation grow in a burst, the collection at its end makes it small again; and where no end comes, it does not grow
 * any more: 300 probes a second held 60 MB for nothing.
 */
export function keepHeapSmall(options: HeapOptions = {}): Heap {
  const {growthPercent, compilers: chosen = 'all', youngGrowth = 1} = options;
  const growYoung = boundedGrowth(youngGrowth);
  for (const flag of compilers[chosen]) setFlagsFromString(flag);
  for (const flag of noWasmTiers) setFlagsFromString(flag);
  if (growthPercent !== undefined) setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
  setFlagsFromString('--flush-baseline-code');
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') return {collect() {}, hurry() {}};
  // 'last-resort' also gives emptied pages back to the kernel.
  let first = true;
  const collectGarbage = () => void collect({type: 'major', execution: 'sync', flavor: 'last-resort'});
  const collectAll = () => {
    if (chosen === 'the simplest') setFlagsFromString(compiler.off);
    if (first) setFlagsFromString(`--bytecode-old-age=${oldAge.atOnce}`);
    collectGarbage();
    if (first) setFlagsFromString(`--bytecode-old-age=${oldAge.usual}`);
    first = false;
  };
  let cpu = process.cpuUsage();
  let busyChecks = 0;
  // The start leaves garbage in any case.
  let floor = 0;
  const timer = setInterval(() => {
    const {user, system} = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    const busy = (user + system) / 1000 > checkEveryMs * idleShare;
    const burstIsOver = !busy && busyChecks > 0;
    busyChecks = busy ? busyChecks + 1 : 0;
    const steady = busyChecks === steadyChecks;
    if (steady || !busy) growYoung(!steady);
    const worth = process.memoryUsage().heapTotal >= floor + Math.max(worthBytes, floor * worthShare);
    if (!burstIsOver && (!worth || (busy && !steady))) return;
    collectAll();
    // In the middle of a burst there is more than is needed after it.
    if (!busy) floor = process.memoryUsage().heapTotal;
  }, checkEveryMs);
  timer.unref();
  return {
    collect: collectAll,
    hurry() {
      collectGarbage();
      setFlagsFromString(compiler.on);
    },
  };
}

/**
 * Allows and forbids the young generation to grow; each collection looks whether it has grown enough. While nothing is
 * done it stays as small as a collection has made it: what little survives then made it 8 MB in half a minute.
 */
function boundedGrowth(factor: number): (allowed: boolean) => void {
  let allowed = true;
  let current: number | undefined;
  const set = (to: number) => {
    if (to !== current) setFlagsFromString(`--semi-space-growth-factor=${to}`);
    current = to;
  };
  const isFull = () => youngBytes() >= youngBoundBytes;
  set(factor);
  if (factor <= 1) return () => undefined;
  // Node's global: what it loads for that, a megabyte, only where it is used.
  new PerformanceObserver(() => {
    if (current === factor && isFull()) set(1);
  }).observe({entryTypes: ['gc']});
  let cpu = process.cpuUsage();
  setInterval(() => {
    const {user, system} = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    const isBurst = (user + system) / 1000 > youngEveryMs * burstShare;
    set(isBurst && allowed && !isFull() ? factor : 1);
  }, youngEveryMs).unref();
  return (to) => {
    allowed = to;
    if (!to) set(1);
  };
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({space_name: name}) => name === 'new_space')?.space_size ?? 0;
}
