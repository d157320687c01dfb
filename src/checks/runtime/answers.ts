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
  async observe({sight}) {
    const runtime = await sight.runtime();
    if (runtime.kind === 'forbidden') throw new Error(`EACCES: ${runtime.detail}`);
    return {runtime, service: runtime.kind === 'answers' ? undefined : await sight.daemon('containerd')};
  },
  judge: ({runtime, service}, context) =>
    judgeRuntime(runtime, service, command(context, 'restart containerd')),
});

export function judgeRuntime(
  runtime: RuntimeSight,
  service: DaemonSight | undefined,
  restart: string,
): readonly Finding[] {
  if (runtime.kind === 'answers') return [];
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
