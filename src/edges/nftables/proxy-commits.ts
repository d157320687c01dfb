import {request} from 'undici';
import {errno} from '../files/files.ts';

/** What our proxy says that the kernel holds, of one family (`/committed` of its metrics port). */
export type ProxyCommit = {
  readonly table: string | undefined;
  readonly known: boolean;
  readonly pendingMs: number;
  readonly services: number;
  readonly digest: string;
  readonly sample: readonly string[];
};

/** Undefined where no proxy of ours answers: then its health says why. */
export async function readCommits(
  port: number,
  signal: AbortSignal,
): Promise<Readonly<Record<string, ProxyCommit>> | undefined> {
  try {
    const either = AbortSignal.any([signal, AbortSignal.timeout(2700)]);
    const {statusCode, body} = await request(`http://127.0.0.1:${port}/committed`, {
      signal: either,
      reset: true,
    });
    const text = await body.text();
    return statusCode === 200 ? JSON.parse(text) : undefined;
  } catch (error) {
    if (['ECONNREFUSED', 'ECONNRESET'].includes(errno(error) ?? '')) return undefined;
    throw error;
  }
}
