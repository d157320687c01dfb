import {type Finding, failure} from '../../check.ts';
import {nodeCheck} from '../../node/context.ts';
import {bytesText, evictionThreshold} from './eviction.ts';

export const memoryRoom = nodeCheck({
  name: 'MemoryRoom',
  category: 'host',
  codes: ['ND108'],
  looks: 'compares the available memory with the eviction threshold',
  async observe({sight}) {
    const [host, config] = await Promise.all([sight.host(), sight.kubeletConfig().catch(() => undefined)]);
    return {
      available: host.memoryAvailableBytes,
      total: host.memoryBytes,
      threshold: config?.evictionHard['memory.available'] ?? '100Mi',
    };
  },
  judge: ({available, total, threshold}) => judgeMemory(available, total, threshold),
});

export function judgeMemory(available: number, total: number, threshold: string): readonly Finding[] {
  if (available >= evictionThreshold(threshold, total)) return [];
  const message = `${bytesText(available)} of memory available\nthe kubelet’s threshold memory.available is ${threshold}`;
  return [failure('ND108', message, 'ps aux --sort=-rss | head')];
}
