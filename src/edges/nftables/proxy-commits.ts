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

/** How our proxy follows one resource (`/following` of its metrics port). */
export type Followed = {
  readonly resource: string;
  /** False until everything was read once. */
  readonly synced: boolean;
  /** How long nothing could be read; 0 while all is well. */
  readonly failingMs: number;
  readonly error?: string;
};

type Commits = Readonly<Record<string, ProxyCommit>>;

/** Undefined where no proxy of ours answers: then its health says why. */
export function readCommits(port: number, signal: AbortSignal): Promise<Commits | undefined> {
  return ask(port, 'committed', signal);
}

/** Undefined where no proxy of ours answers, or an older one. */
export function readFollowed(port: number, signal: AbortSignal): Promise<readonly Followed[] | undefined> {
  return ask(port, 'following', signal);
}

async function ask<T>(port: number, path: string, signal: AbortSignal): Promise<T | undefined> {
  try {
    const either = AbortSignal.any([signal, AbortSignal.timeout(2700)]);
    const {statusCode, body} = await request(`http://127.0.0.1:${port}/${path}`, {
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
