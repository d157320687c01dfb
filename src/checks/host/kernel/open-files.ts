import {type OpenFiles, openFiles} from '../../../edges/process/open-files.ts';
import {type Finding, failure} from '../../check.ts';
import {type Daemon, type NodeContext, nodeCheck} from '../../node/context.ts';
import {nearlyUsed} from './kernel-limits.ts';

type OfDaemon = OpenFiles & {readonly daemon: Daemon; readonly pid: number};

/** Who may open no more files accepts no more connections: a daemon hangs, and its log cannot say why. */
export const openFilesLeft = nodeCheck({
  name: 'OpenFiles',
  category: 'host',
  codes: ['ND128'],
  looks: 'counts open files against the kernel’s bound and those of the daemons',
  after: ['Joined'],
  async observe(context) {
    const machine = await openFiles();
    const daemons = await Promise.all(
      (['containerd', 'kubelet', 'proxy'] as const).map((d) => ofDaemon(context, d)),
    );
    return {machine, daemons: daemons.flat()};
  },
  judge: ({machine, daemons}) => [
    ...nearlyUsed(machine, 'ND128', 'open files', 'sudo sysctl -w fs.file-max=2097152'),
    ...judgeDaemons(daemons),
  ],
});

async function ofDaemon({sight}: NodeContext, daemon: Daemon): Promise<OfDaemon[]> {
  const pid = await sight.daemon(daemon).then(
    ({status}) => status.pid,
    () => undefined,
  );
  if (pid === undefined) return [];
  const seen = await openFiles(pid).catch(() => undefined);
  return seen === undefined ? [] : [{...seen, daemon, pid}];
}

export function judgeDaemons(daemons: readonly OfDaemon[]): readonly Finding[] {
  const short = daemons.find(({used, max}) => max > 0 && used >= max * 0.95);
  if (short === undefined) return [];
  const {daemon, pid, used, max} = short;
  return [
    failure(
      'ND128',
      `${daemon} (process ${pid}) has ${used} of ${max} files open: it takes no more connections`,
      `sudo prlimit --nofile=1048576:1048576 --pid ${pid}`,
      'LimitNOFILE in its unit keeps it so.',
    ),
  ];
}
