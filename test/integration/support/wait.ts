export type WaitOptions = {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  /** What was there instead, asked once when the wait is over. */
  readonly instead?: () => Promise<string> | string;
};

/** Waits until `probe` gives something (neither undefined nor false); throws with `what` after the bound. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  {timeoutMs = 30_000, everyMs = 20, instead}: WaitOptions = {},
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  do {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  } while (performance.now() < end);
  const seen = instead === undefined ? '' : `\n${await instead()}`;
  throw new Error(`not within ${timeoutMs} ms: ${what}${seen}`, {cause: last});
}
