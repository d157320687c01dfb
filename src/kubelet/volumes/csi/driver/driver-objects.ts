import type {KubeClient} from '../../../../edges/kube/client.ts';
import {startReflector} from '../../../../edges/kube/watch/reflector.ts';
import type {CsiDriver} from '../../../../lib/kubernetes.ts';
import type {Logger} from '../../../../lib/log.ts';
import {csiDrivers} from '../../../../lib/resources.ts';
import type {Clock} from '../../../../lib/time.ts';

/** The cluster's CSIDriver objects. */
export type DriverObjects = {
  /** Undefined: there is none. @throws while the cluster's drivers are not known yet */
  get(name: string): Promise<CsiDriver | undefined>;
  /** As known now; `unknown` while nothing is. */
  peek(name: string): CsiDriver | undefined | 'unknown';
  stop(): Promise<void>;
};

export type DriverObjectsOptions = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onChange: (name: string) => void;
};

/** A pod's volumes wait so long for the first answer; then they say why they cannot be had. */
const firstAnswerMs = 10_000;

export function watchDriverObjects({onChange, ...options}: DriverObjectsOptions): DriverObjects {
  const reflector = startReflector<CsiDriver>({
    ...options,
    resource: csiDrivers,
    onEvent: ({object}) => onChange(object.metadata.name),
  });
  return {
    async get(name) {
      if (!reflector.hasSynced()) {
        const late = new Promise<void>((resolve) => options.clock.after(firstAnswerMs, resolve));
        await Promise.race([reflector.synced, late]);
        if (!reflector.hasSynced())
          throw new Error('the CSIDriver objects of the cluster could not be read', {
            cause: reflector.lastError(),
          });
      }
      return reflector.store.get(name);
    },
    peek: (name) => (reflector.hasSynced() ? reflector.store.get(name) : 'unknown'),
    stop: () => reflector.stop(),
  };
}
