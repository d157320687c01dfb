import {type Cri, isCriDeadline} from '../../edges/cri/client.ts';
import {fairTimeout} from '../../edges/http/fair-timeout.ts';
import type {NetResult} from '../../edges/network/probes/probe-net.ts';

const maxOutputBytes = 10 * 1024;
/**
 * The runtime enforces the probe's own timeout and then ends the process; so long we wait behind it. A crowded runtime
 * must not make a quick command fail, and a child that keeps the output open must not hold the probe for ever.
 */
const slackMs = 30_000;

/** Runs a command in the container; how it exits is the verdict. @throws when the runtime could not run it */
export async function execProbe(
  cri: Cri,
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
  waitMs = timeoutMs + slackMs,
): Promise<NetResult> {
  const late = new AbortController();
  const cancel = fairTimeout(waitMs, () => late.abort(new Error('the runtime does not answer')));
  try {
    const {exitCode, stdout, stderr} = await cri.runtime.execSync(
      {containerId, cmd: [...command], timeout: BigInt(Math.ceil(timeoutMs / 1000))},
      // The client's own deadline would count a stall of this process.
      {timeoutMs: 0, signal: late.signal},
    );
    const output = Buffer.concat([stdout.subarray(0, maxOutputBytes), stderr.subarray(0, maxOutputBytes)]);
    const message = new TextDecoder().decode(output.subarray(0, maxOutputBytes));
    return {outcome: exitCode === 0 ? 'success' : 'failure', message};
  } catch (error) {
    if (!late.signal.aborted && !isCriDeadline(error)) throw error;
    return {
      outcome: 'failure',
      message: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s`,
    };
  } finally {
    cancel();
  }
}
