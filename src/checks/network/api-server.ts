import {answersSmall} from '../../edges/network/probes/small-packets.ts';
import {type Answer, slow} from '../../edges/trust/discovery.ts';
import {type Finding, failure} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';
import {unreachable} from '../trust/answers.ts';

export const apiServer = nodeCheck({
  name: 'APIServer',
  category: 'network',
  codes: ['ND301', 'ND311', 'ND312', 'ND313', 'ND314', 'ND318', 'ND407'],
  looks: 'asks the API server for /readyz over TLS',
  after: ['KubeletKubeconfig'],
  deadlineMs: 5000,
  async observe({sight, sandbox}) {
    const [{server}, answer] = await Promise.all([sight.connection(), sight.api()]);
    const silent = answer.kind !== 'answer' && sandbox;
    const {status} = silent ? await sight.daemon('sandbox') : {};
    const unheard = answer.kind === 'timeout' && answer.detail !== slow;
    const small = unheard && (await answersSmall(server, 1200));
    return {server, answer, small, sandboxDown: status !== undefined && !status.running};
  },
  judge: ({server, answer, small, sandboxDown}, context) =>
    small
      ? [largeLost(server)]
      : judgeAnswer(server, answer, sandboxDown ? command(context, 'sandbox up') : undefined),
});

/** A TLS hello is larger than one packet of the usual size: where it is lost, a link on the way takes less. */
function largeLost(server: string): Finding {
  const {host} = new URL(server);
  return failure(
    'ND318',
    `packets of full size to ${host} are lost\nit answers a few bytes, but not a TLS hello`,
    'Lower the MTU: sudo ip link set dev eth0 mtu 1400',
    `tracepath ${new URL(server).hostname}`,
  );
}

/** `restart`: the control plane is on this machine, does not run, and this starts it. */
export function judgeAnswer(server: string, answer: Answer, restart: string | undefined): readonly Finding[] {
  if (answer.kind === 'answer') {
    if (answer.status < 500) return [];
    const host = new URL(server).host;
    return [
      failure(
        'ND301',
        `the API server ${host} is not ready\nHTTP ${answer.status}`,
        `curl -k ${server}/readyz?verbose`,
      ),
    ];
  }
  const {code, message, next} = unreachable(server, answer);
  const what = `the API server does not answer\n${message}`;
  if (restart === undefined) return [failure(code, what, ...next)];
  return [failure(code, `the sandbox’s API server is down\n${message}`, restart)];
}
