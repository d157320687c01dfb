import {type LogUse, largestLogs} from '../../../edges/logs/log-use.ts';
import {quantityValue} from '../../../lib/quantity.ts';
import {type Finding, warning} from '../../check.ts';
import {nodeCheck} from '../../node/context.ts';
import {bytesText} from '../memory/eviction.ts';

/** The kubelet looks at sizes every ten seconds, so a log may be larger for a while; so much larger is no delay. */
const slack = 3;

/** The container with the largest log, against what rotation should leave of it. */
export const logGrowth = nodeCheck({
  name: 'LogGrowth',
  category: 'host',
  codes: ['ND113'],
  looks: 'adds up the log files of each container',
  after: ['Joined'],
  async observe({sight, options}) {
    const config = await sight.kubeletConfig().catch(() => undefined);
    const size = quantityValue(config?.containerLogMaxSize ?? '10Mi');
    const files = config?.containerLogMaxFiles ?? 5;
    const found = await largestLogs(config?.podLogsDir ?? options.layout.podLogDir);
    return {found, allowed: size < 0 ? Number.POSITIVE_INFINITY : size * files};
  },
  judge: ({found, allowed}) => judgeLogs(found, allowed),
});

export function judgeLogs(found: readonly LogUse[], allowed: number): readonly Finding[] {
  const [first] = found;
  if (first === undefined || first.bytes <= allowed * slack) return [];
  return [
    warning(
      'ND113',
      `the log of ${first.pod} takes ${bytesText(first.bytes)}\nrotation should leave ${bytesText(allowed)} of ${first.container}`,
      'du -sh /var/log/pods/* | sort -h | tail',
    ),
  ];
}
