import {sleep} from '../clock.ts';

/** V8's CPU profile of the coming seconds (`.cpuprofile`, for Chrome's developer tools and speedscope). */
export async function cpuProfile(ms: number, signal: AbortSignal): Promise<object> {
  // Loaded for those few who ask.
  const {Session} = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    // Who does not wait for the end has no use for it.
    await sleep(ms, signal);
    return (await session.post('Profiler.stop')).profile;
  } finally {
    session.disconnect();
  }
}
