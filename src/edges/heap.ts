import {setFlagsFromString} from 'node:v8';

/**
 * Keeps V8's young generation at its first size. A daemon is idle nearly always and has its one burst at the start;
 * by default that burst grows the young generation, and with it the process, for good: at 10,000 Services 330 MB
 * instead of 180 MB, for no gain in speed.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
