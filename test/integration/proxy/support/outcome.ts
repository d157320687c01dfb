import {joinHostPort} from '../../../../src/lib/addresses.ts';
import type {Flow} from '../../../unit/proxy/support/vectors.ts';
import type {Answer, Lab} from './lab.ts';

/** With two endpoints one of them is missed once in eight million flows. */
const tries = 24;
/** An ICMP error that comes while the socket is still sending is lost: the next one answers the packet sent again. */
const refusedMs = 5_000;
const silentMs = 400;

/** What becomes of a flow with real sockets, in the words of the vectors. */
export async function outcomeOf(
  lab: Lab,
  {from, protocol, to, expect: expected}: Flow,
): Promise<Flow['expect']> {
  const served = Array.isArray(expected);
  const answers = await lab.peer(from).flow({
    protocol: protocol === 'UDP' ? 'UDP' : 'TCP',
    host: to.address,
    port: to.port,
    count: served ? tries : 1,
    timeoutMs: served || expected === 'REJECT' ? refusedMs : silentMs,
  });
  const failure = answers.find((answer) => answer.failed !== undefined)?.failed;
  if (failure === undefined) return [...new Set(answers.map(said))].sort();
  // Whatever the machine itself answers to a packet that no rule touches.
  if (expected === 'NONE') return 'NONE';
  return failure === 'ECONNREFUSED'
    ? 'REJECT'
    : failure === 'timeout' || failure === 'EPERM'
      ? 'DROP'
      : [failure];
}

/** `ip:port` of who answered, and whether it saw another sender than the one that sent. */
function said({text = '', local}: Answer): string {
  const [host = '', port = '', seen] = text.split(' ');
  return `${joinHostPort(host, Number(port))}${seen === local ? '' : ' masq'}`;
}
