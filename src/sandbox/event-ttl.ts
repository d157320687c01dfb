import type {Cancel, Clock} from '../lib/time.ts';
import type {Registry} from './api/registry.ts';
import {textAt} from './json.ts';
import {keyOf} from './store/store.ts';

/** kube-apiserver's --event-ttl. */
const ttlMs = 3_600_000;
const everyMs = 60_000;

/** Events are kept for an hour after their last change; returns how to stop. */
export function expireEvents(registry: Registry, clock: Clock): () => void {
  let cancel: Cancel = () => undefined;
  const again = () => {
    cancel = clock.after(everyMs, () => {
      sweep(registry, clock.now());
      again();
    });
  };
  again();
  return () => cancel();
}

function sweep({store}: Registry, nowMs: number): void {
  const old = [...store.values('/events')].filter(({object}) => {
    const seen =
      textAt(object, 'series', 'lastObservedTime') ??
      textAt(object, 'lastTimestamp') ??
      textAt(object, 'eventTime') ??
      object.metadata.creationTimestamp ??
      '';
    return Date.parse(seen) + ttlMs < nowMs;
  });
  for (const {object} of old) store.remove('/events', keyOf(object.metadata.namespace, object.metadata.name));
}
