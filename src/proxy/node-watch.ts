import type {ProxyConfig} from '../config/proxy.ts';
import {realClock} from '../edges/clock.ts';
import type {KubeClient} from '../edges/kube/client.ts';
import {startReflector} from '../edges/kube/watch/reflector.ts';
import type {Node} from '../lib/kubernetes.ts';
import type {Logger} from '../lib/log.ts';
import {nodes} from '../lib/resources.ts';
import {type NodeView, trimNode, viewNode} from './model/node.ts';

export type NodeWatch = {
  view(): NodeView;
  /** Called after each change; only the last listener counts. */
  listen(onChange: ((node: NodeView) => void) | undefined): void;
  /** Resolves when `enough` holds, or when `timeoutMs` have passed, or when the signal aborts. */
  until(enough: (node: NodeView) => boolean, timeoutMs: number, signal: AbortSignal): Promise<void>;
  readonly synced: Promise<void>;
  stop(): Promise<void>;
};

/** Follows the proxy's own Node. */
export function watchNode({
  config,
  client,
  log,
}: {
  readonly config: ProxyConfig;
  readonly client: KubeClient;
  readonly log: Logger;
}): NodeWatch {
  const {nodeName, bindAddress} = config;
  const listeners = new Set<() => void>();
  let onChange: ((node: NodeView) => void) | undefined;
  let last: Node | undefined;
  const reflector = startReflector({
    client,
    resource: nodes,
    query: {fieldSelector: `metadata.name=${nodeName}`},
    trim: trimNode,
    clock: realClock,
    log,
    onEvent: () => {
      onChange?.(view());
      for (const listener of listeners) listener();
    },
  });
  // Of a Node that is deleted the rest is still true, as kube-proxy takes it; its pods may run on.
  const view = (): NodeView => {
    const node = reflector.store.get(nodeName);
    last = node ?? last;
    const seen = viewNode(nodeName, last, bindAddress);
    return node === undefined ? {...seen, eligible: false} : seen;
  };
  return {
    view,
    listen(listener) {
      onChange = listener;
    },
    until: (enough, timeoutMs, signal) =>
      new Promise((resolve) => {
        const check = () => enough(view()) && done();
        const cancel = realClock.after(timeoutMs, () => done());
        const done = () => {
          cancel();
          listeners.delete(check);
          signal.removeEventListener('abort', done);
          resolve();
        };
        listeners.add(check);
        signal.addEventListener('abort', done);
        if (signal.aborted || enough(view())) done();
      }),
    synced: reflector.synced,
    stop: () => reflector.stop(),
  };
}
