import {watch} from 'node:fs';
import {type FileHandle, lstat} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {isMissing} from '../files/files.ts';
import {openBeneath} from '../files/pods/beneath.ts';

const chunkBytes = 64 * 1024;
const newline = 0x0a;

/** A container's log file that is read to its end and, when asked, beyond: rotation replaces the file under its name. */
export class LogFile {
  readonly #root: string;
  readonly #path: string;
  #file: FileHandle;
  #inode: number;
  #next: {readonly file: FileHandle; readonly inode: number; quietSinceMs: number} | undefined;
  #position = 0;
  #end = Number.POSITIVE_INFINITY;
  #watcher: {close(): void} | undefined;
  #dirty = false;
  #wake: (() => void) | undefined;
  readonly #buffer = Buffer.allocUnsafe(chunkBytes);

  private constructor(root: string, path: string, file: FileHandle, inode: number) {
    this.#root = root;
    this.#path = path;
    this.#file = file;
    this.#inode = inode;
  }

  /** `path` lies below `root`; no link on the way is followed. */
  static async open(root: string, path: string): Promise<LogFile> {
    const file = await openBeneath(root, path);
    return new LogFile(root, path, file, (await file.stat()).ino);
  }

  /** The next bytes, valid until the next call; undefined at the end. */
  async read(): Promise<Buffer | undefined> {
    const length = Math.min(chunkBytes, this.#end - this.#position);
    if (length <= 0) return undefined;
    const {bytesRead} = await this.#file.read(this.#buffer, 0, length, this.#position);
    if (bytesRead === 0) return undefined;
    this.#position += bytesRead;
    // As long as something comes, the runtime has not left the old file.
    if (this.#next !== undefined) this.#next.quietSinceMs = performance.now();
    return this.#buffer.subarray(0, bytesRead);
  }

  /** Where the file ends now is where reading ends: what a busy container adds meanwhile is not asked for. */
  async endHere(): Promise<void> {
    this.#end = (await this.#file.stat()).size;
  }

  /** Goes to where the last `lines` lines of the file begin. */
  async seekTail(lines: number): Promise<void> {
    const size = Math.min(this.#end, (await this.#file.stat()).size);
    this.#position = lines === 0 ? size : 0;
    let left = lines;
    // The newline that ends the last line does not begin another.
    for (let end = size - 1; left > 0 && end > 0; ) {
      const length = Math.min(chunkBytes, end);
      const {bytesRead} = await this.#file.read(this.#buffer, 0, length, end - length);
      if (bytesRead === 0) return;
      const block = this.#buffer.subarray(0, bytesRead);
      for (
        let at = block.lastIndexOf(newline);
        at >= 0;
        at = at === 0 ? -1 : block.lastIndexOf(newline, at - 1)
      )
        if (--left === 0) {
          this.#position = end - length + at + 1;
          return;
        }
      end -= length;
    }
  }

  /**
   * Another file has taken the name: goes on with it from its start. False when nothing changed, and for `graceMs`
   * after the last bytes of the old one: a runtime makes the new file first, and may write a last line to the old one
   * after that. The new file is held open from when it is seen, as it may be rotated in its turn by then.
   */
  async reopenIfRotated(graceMs: number): Promise<boolean> {
    this.#next ??= await this.#replacement();
    if (this.#next === undefined || performance.now() - this.#next.quietSinceMs < graceMs) return false;
    // What was written to the old file until it was replaced comes first.
    if ((await this.#file.stat()).size > this.#position) return false;
    await this.#file.close();
    this.#file = this.#next.file;
    this.#inode = this.#next.inode;
    this.#next = undefined;
    this.#position = 0;
    return true;
  }

  /**
   * Resolves when the file's directory has changed since the last call, after `ms`, or when the signal aborts. The
   * first call returns at once: what was written before the watch began is to be read first.
   */
  async changed(ms: number, signal: AbortSignal): Promise<void> {
    this.#watcher ??= this.#watch();
    if (!this.#dirty && !signal.aborted)
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          this.#wake = undefined;
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done, {once: true});
        this.#wake = done;
      });
    this.#dirty = false;
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    await this.#next?.file.close();
    await this.#file.close();
  }

  async #replacement() {
    try {
      if ((await lstat(join(this.#root, this.#path))).ino === this.#inode) return undefined;
      const file = await openBeneath(this.#root, this.#path);
      const inode = (await file.stat()).ino;
      if (inode !== this.#inode) return {file, inode, quietSinceMs: performance.now()};
      // A rotation that failed has given the old file its name back.
      await file.close();
      return undefined;
    } catch (error) {
      // Between the rename and the new file there is none.
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #watch(): {close(): void} {
    this.#dirty = true;
    try {
      const watcher = watch(dirname(join(this.#root, this.#path)), () => {
        this.#dirty = true;
        this.#wake?.();
      });
      // A vanished directory is noticed by who looks at the file next.
      watcher.on('error', () => undefined);
      return watcher;
    } catch {
      // Without inotify (its limits are small) the timer alone paces.
      return {close() {}};
    }
  }
}
