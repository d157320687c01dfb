import type {KubeClient} from '../../edges/kube/client.ts';
import {type Reflector, startReflector} from '../../edges/kube/watch/reflector.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {RuntimeClass} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {runtimeClasses} from '../../lib/resources.ts';
import type {Clock} from '../../lib/time.ts';

export type RuntimeClassSource = {
  /**
   * The runtime's handler for a class; '' for none, undefined when there is no such class.
   * @throws while the server has not told its classes
   */
  handler(name: string | undefined): Promise<string | undefined>;
  stop(): Promise<void>;
};

export type RuntimeClassOptions = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** A class appeared, changed or vanished. */
  readonly onChange: (name: string) => void;
};

const firstAnswerMs = 10_000;

/** The cluster's RuntimeClasses, watched from the first pod on that names one. */
export function startRuntimeClasses(options: RuntimeClassOptions): RuntimeClassSource {
  let reflector: Reflector<RuntimeClass> | undefined;
  const watch = () =>
    startReflector<RuntimeClass>({
      ...options,
      resource: runtimeClasses,
      onEvent: ({object}) => options.onChange(object.metadata.name),
    });
  return {
    async handler(name) {
      if (name === undefined || name === '') return '';
      reflector ??= watch();
      await known(reflector, options.clock);
      return reflector.store.get(name)?.handler;
    },
    async stop() {
      await reflector?.stop();
    },
  };
}

async function known({synced, hasSynced, lastError}: Reflector<RuntimeClass>, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>();
  const cancel = clock.after(firstAnswerMs, () => late.resolve());
  await Promise.race([synced, late.promise]);
  cancel();
  if (!hasSynced())
    throw (
      lastError() ?? new NodectlError('ND301', `no RuntimeClasses were told within ${firstAnswerMs / 1000} s`)
    );
}
