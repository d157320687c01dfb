import {sleep} from '../../../edges/clock.ts';
import {isMissing} from '../../../edges/files/files.ts';
import {LogFile} from '../../../edges/logs/log-file.ts';
import {LineCutter, LogFilter} from './log-lines.ts';
import type {LogOptions} from './log-options.ts';

export type LogRequest = {
  readonly options: LogOptions;
  /** The pod log directory, and the file below it. */
  readonly root: string;
  readonly path: string;
  /** Whether the container may still write. Asked only after the end of the file was reached. */
  readonly isRunning: () => Promise<boolean>;
  /** Gives bytes to the client; resolves when it can take more. */
  readonly write: (bytes: Buffer) => Promise<void>;
  /** The client has gone. */
  readonly signal: AbortSignal;
};

/** A follower looks again after so long even if no change was noticed. */
const lookMs = 1_000;

/** How long a runtime that rotates may still write to the old file. */
const graceMs = 500;

/** A runtime that reopens its log takes milliseconds; a busy one has a second. */
const rotationLooks = 20;
const rotationLookMs = 50;

/** Copies a container's log to a client, following it across rotations until the container has ended. */
export async function sendLogs(request: LogRequest): Promise<void> {
  const {options} = request;
  const file = await openLog(request);
  try {
    if (!options.follow) await file.endHere();
    if (options.tailLines !== undefined) await file.seekTail(options.tailLines);
    await copy(file, request);
  } finally {
    await file.close();
  }
}

/** In the middle of a rotation there is no file for a moment: that of a running container comes back. */
async function openLog({root, path, isRunning, signal}: LogRequest): Promise<LogFile> {
  for (let looks = 1; ; looks++)
    try {
      return await LogFile.open(root, path);
    } catch (error) {
      if (!isMissing(error) || looks > rotationLooks || !(await isRunning())) throw error;
      await sleep(rotationLookMs, signal);
    }
}

async function copy(file: LogFile, {options, isRunning, write, signal}: LogRequest): Promise<void> {
  const filter = new LogFilter(options);
  const cutter = new LineCutter();
  let quiet = false;
  let ended = false;
  while (!signal.aborted && !filter.full) {
    const chunk = await file.read();
    if (chunk !== undefined) {
      const bytes = Buffer.concat([...cutter.cut(chunk)].map((line) => filter.take(line)));
      if (bytes.length > 0) await write(bytes);
      quiet = false;
    } else if (!options.follow) return;
    else if (await file.reopenIfRotated(ended ? 0 : graceMs)) cutter.reset();
    else if (ended) return;
    // The runtime is only asked when nothing has come for a while, not for each line of a busy container.
    else if (quiet && !(await isRunning())) ended = true;
    else {
      await file.changed(lookMs, signal);
      quiet = true;
    }
  }
}
