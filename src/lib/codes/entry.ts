/** Exit classes of every command (design: "Words users meet"). */
export const exits = {
  done: 0,
  failed: 1,
  usage: 2,
  preflight: 3,
  trust: 4,
  network: 5,
  runtime: 6,
  kubelet: 7,
  waiting: 8,
  busy: 75,
} as const;

export type Entry = {
  /** One line: what is wrong, without the case's particulars. */
  readonly title: string;
  /** Why it happens. */
  readonly why: string;
  /** What to do: commands first. */
  readonly fix: readonly string[];
  readonly exit: keyof typeof exits;
};

/** Keeps each room's keys literal while checking its entries. */
export function entries<const T extends Record<string, Entry>>(table: T): T {
  return table;
}
