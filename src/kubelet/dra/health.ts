import type {DeviceHealth, DraHealth} from '../../edges/dra/client.ts';

type Known = DeviceHealth & {readonly atMs: number};

/** Kubernetes' DefaultHealthTimeout: what is not heard of for so long is not known any more. */
const defaultTimeoutMs = 30_000;
/** ResourceHealthMessageMaxLength. */
const maxMessage = 1024;

const unknown = {health: 'Unknown' as DraHealth, message: ''};

/** What drivers said last of their devices' health. */
export class DraHealthCache {
  readonly #drivers = new Map<string, Map<string, Known>>();

  /** The devices whose health is another one now. */
  update(driver: string, devices: readonly DeviceHealth[], nowMs: number): DeviceHealth[] {
    const known = this.#drivers.get(driver) ?? new Map<string, Known>();
    this.#drivers.set(driver, known);
    const told = devices.map((one) => ({...one, message: shortened(one.message), atMs: nowMs}));
    const changed = told.filter((one) => {
      const before = known.get(keyOf(one));
      return before === undefined || before.health !== one.health || before.message !== one.message;
    });
    for (const one of told) known.set(keyOf(one), one);
    return [...changed, ...expire(known, nowMs)];
  }

  of(driver: string, device: Pick<DeviceHealth, 'pool' | 'device'>, nowMs: number): typeof unknown {
    const known = this.#drivers.get(driver)?.get(keyOf(device));
    return known === undefined || isOld(known, nowMs) ? unknown : known;
  }

  /** The driver says nothing any more; gives the devices of which something was known. */
  forget(driver: string): DeviceHealth[] {
    const known = [...(this.#drivers.get(driver)?.values() ?? [])];
    this.#drivers.delete(driver);
    return known.filter(({health}) => health !== 'Unknown');
  }
}

function expire(known: Map<string, Known>, nowMs: number): DeviceHealth[] {
  const gone = [...known.values()]
    .filter((one) => one.health !== 'Unknown' && isOld(one, nowMs))
    .map((one) => ({...one, ...unknown, atMs: nowMs}));
  for (const one of gone) known.set(keyOf(one), one);
  return gone;
}

function isOld({timeoutSeconds, atMs}: Known, nowMs: number): boolean {
  return nowMs - atMs > (timeoutSeconds === 0 ? defaultTimeoutMs : timeoutSeconds * 1000);
}

function keyOf({pool, device}: Pick<DeviceHealth, 'pool' | 'device'>): string {
  return `${pool}/${device}`;
}

function shortened(message: string): string {
  return message.length <= maxMessage ? message : `${message.slice(0, maxMessage - 3)}...`;
}
