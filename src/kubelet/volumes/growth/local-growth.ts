import {Serial} from '../../../lib/control/serial.ts';
import {describeError} from '../../../lib/errors.ts';
import type {Clock} from '../../../lib/time.ts';
import {startPeriodic} from '../../periodic.ts';
import {growLocal, local} from '../kinds/local.ts';
import {
  VolumeError,
  type VolumePlace,
  type VolumePlugin,
  type VolumeRequest,
  VolumeStepError,
} from '../types.ts';
import {Expander, type ExpanderOptions, type Grower} from './expander.ts';

export type LocalGrowthOptions = ExpanderOptions & {
  readonly clock: Clock;
  /** How often is looked for what has grown while it is in use. */
  readonly everyMs: number;
};

export type LocalGrowth = {readonly plugin: VolumePlugin; stop(): Promise<void>};

/** Local volumes that grow with their persistent volumes: when they are mounted, and while they are in use. */
export function startLocalGrowth({everyMs, ...options}: LocalGrowthOptions): LocalGrowth {
  const expander = new Expander(options);
  const mounted = new Map<string, VolumeRequest>();
  /** One look at a volume at a time: it grows once. */
  const serial = new Serial();
  const attending = startPeriodic({clock: options.clock, firstMs: everyMs, everyMs}, async () => {
    for (const earlier of mounted.values()) {
      const request = {...earlier, signal: undefined};
      await serial.run(request.specName, () => attend(expander, request, options));
    }
  });
  const plugin: VolumePlugin = {
    ...local,
    async prepare(request) {
      const prepared = await local.prepare(request);
      mounted.set(keyOf(request.pod.metadata.uid, request.specName), request);
      await serial.run(request.specName, () => expander.expand(growerOf(request), request, 'mount'));
      return prepared;
    },
    async release({uid, specName}: VolumePlace) {
      mounted.delete(keyOf(uid, specName));
      if ([...mounted.values()].every((other) => other.specName !== specName))
        expander.forget(nameOf(specName));
    },
  };
  return {plugin, stop: () => attending.stop()};
}

async function attend(
  expander: Expander,
  request: VolumeRequest,
  {log}: Pick<ExpanderOptions, 'log'>,
): Promise<void> {
  const {specName, pod, context} = request;
  try {
    if (await expander.hasGrown(request, nameOf(specName)))
      await expander.expand(growerOf(request), request, 'online');
  } catch (error) {
    log.warn('a volume could not be looked after', {volume: specName, error: describeError(error)});
    if (!(error instanceof VolumeStepError)) return;
    const {reason, message} = new VolumeError(specName, error);
    context.tell?.(pod, 'Warning', reason, message);
  }
}

function growerOf(request: VolumeRequest): Grower {
  return {uniqueName: nameOf(request.specName), grow: () => growLocal(request)};
}

function nameOf(specName: string): string {
  return `kubernetes.io/local-volume/${specName}`;
}

function keyOf(uid: string, specName: string): string {
  return `${uid}/${specName}`;
}
