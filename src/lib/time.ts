/** Injected time: everything above the edges asks this, so tests and deciders never read a real clock. */
export type Cancel = () => void;

export type Clock = {
  /** Wall clock in milliseconds since the epoch; only for stamps that other machines read. */
  now(): number;
  /** Monotonic milliseconds; for every deadline, back-off and interval. */
  monotonic(): number;
  /** Runs `fn` once after `ms`; a real clock must not keep the process alive for it. */
  after(ms: number, fn: () => void): Cancel;
};

/** RFC 3339 with seconds, as metav1.Time is written. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 with microseconds, as metav1.MicroTime is written (leases, events.k8s.io). */
export function microTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}
