import {durationPaths, kubeletConfiguration} from '../../../config/kubelet/schema.ts';
import type {KubeletConfig} from '../../../config/kubelet.ts';
import {formatDuration} from '../../../config/machine/units.ts';

/**
 * The configuration in the form of its file, durations as Go prints them; what only flags say is not part of it. It
 * tells what is so, not what was asked for.
 */
export function configz(config: KubeletConfig): {readonly kubeletconfig: Record<string, unknown>} {
  const fields = Object.keys(kubeletConfiguration.shape);
  const plain: Record<string, unknown> = Object.fromEntries(
    Object.entries(config).filter(([name]) => fields.includes(name)),
  );
  return {kubeletconfig: durationPaths.reduce(withDuration, plain)};
}

function withDuration(
  value: Record<string, unknown>,
  [name = '', ...rest]: readonly string[],
): Record<string, unknown> {
  const inner = value[name];
  if (rest.length > 0)
    return typeof inner === 'object' && inner !== null
      ? {...value, [name]: withDuration({...inner}, rest)}
      : value;
  return typeof inner === 'number' ? {...value, [name]: formatDuration(inner)} : value;
}
