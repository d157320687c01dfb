import type {RuntimeSight} from '../../edges/runtime/runtime-sight.ts';
import {type Finding, failure} from '../check.ts';
import {command, type DaemonSight, nodeCheck} from '../node/context.ts';
import {howItEnded, lastWords} from '../node/last-words.ts';

/** The CRI socket answers; where it does not, what its service says is the cause. */
export const runtimeAnswers = nodeCheck({
  name: 'ContainerRuntime',
  category: 'runtime',
  codes: ['ND501', 'ND505', 'ND507'],
  looks: 'asks the CRI socket for Version and Status',
  after: ['Joined'],
  blames: ['OpenFiles'],
  async observe({sight}) {
    const runtime = await sight.runtime();
    if (runtime.kind === 'forbidden') throw new Error(`EACCES: ${runtime.detail}`);
    const service = runtime.kind === 'answers' ? undefined : await sight.daemon('containerd');
    const log = runtime.kind === 'no-cri' ? await sight.containerdLog().catch(() => []) : [];
    return {runtime, service, unloaded: notLoaded(log)};
  },
  judge: ({runtime, service, unloaded}, context) =>
    judgeRuntime(runtime, service, command(context, 'restart containerd'), unloaded),
});

/** Why the CRI plugin could not be loaded, since containerd's last start; undefined of one that is turned off. */
export function notLoaded(log: readonly string[]): string | undefined {
  const since = log.slice(log.findLastIndex((line) => /msg="starting containerd"/.test(line)) + 1);
  const failed = since.find(
    (line) => /failed to load plugin/.test(line) && /io\.containerd\.(grpc\.v1\.)?cri\b/.test(line),
  );
  return /error="((?:[^"\\]|\\.)*)"/.exec(failed ?? '')?.[1]?.replaceAll('\\"', '"');
}

const anew =
  'Its database is damaged: stop containerd, move /var/lib/containerd away, start it; images are pulled anew.';

export function judgeRuntime(
  runtime: RuntimeSight,
  service: DaemonSight | undefined,
  restart: string,
  unloaded?: string,
): readonly Finding[] {
  if (runtime.kind === 'answers') return [];
  if (runtime.kind === 'no-cri' && unloaded !== undefined)
    return [
      failure(
        'ND507',
        `containerd could not load its CRI plugin\n${unloaded}`,
        ...(/invalid database|checksum error|file size too small/.test(unloaded) ? [anew] : []),
        'nodectl logs containerd',
        restart,
      ),
    ];
  if (runtime.kind === 'no-cri')
    return [
      failure(
        'ND507',
        'containerd runs without its CRI plugin',
        'Remove cri from disabled_plugins in containerd’s config.toml.',
        restart,
      ),
    ];
  const words = lastWords(service?.log ?? []);
  const status = service?.status;
  if (status?.installed === true && !status.running && (status.restarting || status.restarts >= 2))
    return [
      failure(
        'ND505',
        [`containerd ends again and again${howItEnded(status)}`, ...words].join('\n'),
        'nodectl logs containerd',
      ),
    ];
  if (status?.installed === true && !status.running)
    return [
      failure('ND501', [`containerd is not running${howItEnded(status)}`, ...words].join('\n'), restart),
    ];
  const how = runtime.kind === 'silent' ? 'does not answer' : 'cannot be reached';
  return [failure('ND501', [`the container runtime ${how}`, runtime.detail, ...words].join('\n'), restart)];
}
