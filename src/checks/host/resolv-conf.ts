import {readText} from '../../edges/files/files.ts';
import {type Finding, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export const resolvConf = nodeCheck({
  name: 'ResolvConf',
  category: 'host',
  codes: ['ND126'],
  looks: 'reads the resolv.conf that pods get',
  after: ['Joined'],
  async observe({sight}) {
    const config = await sight.kubeletConfig().catch(() => undefined);
    const path = config?.resolvConf ?? '/etc/resolv.conf';
    return {path, text: path === '' ? '' : await readText(path)};
  },
  judge: ({path, text}) =>
    text === undefined
      ? [warning('ND126', `${path}, which pods begin with, is not there`, `ls -l ${path}`)]
      : judgeResolvConf(path, text),
});

export function judgeResolvConf(path: string, text: string): readonly Finding[] {
  const loops = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map(([, server = '']) => server)
    .filter((server) => server.startsWith('127.') || server === '::1');
  if (loops.length === 0) return [];
  return [warning('ND126', `${path} gives pods ${loops.join(', ')} as DNS server`)];
}
