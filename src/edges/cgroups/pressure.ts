import {
  type CgroupSample,
  type PressureLine,
  type PressureResource,
  type PressureSample,
  pressureResources,
} from './cgroup-sample.ts';

/** PSI: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and `full …` (not for the CPU of a whole machine before 5.13). */
function parsePressure(text: string | undefined): PressureSample | undefined {
  const line = (name: string): PressureLine | undefined => {
    const values = new RegExp(`^${name} avg10=(\\S+) avg60=(\\S+) avg300=(\\S+) total=(\\d+)`, 'm').exec(
      text ?? '',
    );
    if (values === null) return undefined;
    const [avg10 = 0, avg60 = 0, avg300 = 0, totalUs = 0] = values.slice(1).map(Number);
    return {avg10, avg60, avg300, totalUs};
  };
  const some = line('some');
  return some && {some, full: line('full') ?? {avg10: 0, avg60: 0, avg300: 0, totalUs: 0}};
}

/** Of each resource whose file has a text; undefined where the kernel keeps no PSI. */
export function pressures(
  text: (resource: PressureResource) => string | undefined,
): CgroupSample['pressure'] {
  const found: Partial<Record<PressureResource, PressureSample>> = {};
  for (const resource of pressureResources) {
    const sample = parsePressure(text(resource));
    if (sample !== undefined) found[resource] = sample;
  }
  return Object.keys(found).length === 0 ? undefined : found;
}
