/** So much time is counted at once; sockets have their turn in between. */
const stepMs = 50;

/**
 * Calls `fn` after `ms` in which this process could work: a stall of its event loop is not counted, because answers
 * that came meanwhile could not be taken. A peer is never blamed for our own lateness.
 */
export function fairTimeout(ms: number, fn: () => void): () => void {
  let leftMs = ms;
  let timer: NodeJS.Timeout;
  const next = () => {
    const step = Math.min(stepMs, leftMs);
    timer = setTimeout(() => {
      leftMs -= step;
      if (leftMs > 0) next();
      else fn();
    }, step);
    timer.unref();
  };
  next();
  return () => clearTimeout(timer);
}
