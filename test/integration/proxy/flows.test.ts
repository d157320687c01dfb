import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {type Nft, openNft} from '../../../src/edges/nftables/nft.ts';
import {joinHostPort} from '../../../src/lib/addresses.ts';
import {tableStatements} from '../../../src/proxy/nftables/text.ts';
import {desiredTable, type Flow, loadVectors, type Vector} from '../../unit/proxy/support/vectors.ts';
import {type Answer, Lab} from './support/lab.ts';

/** With two endpoints one of them is missed once in eight million flows. */
const tries = 24;
const timeoutMs = 400;

let lab: Lab;
let nft: Nft;

beforeAll(async () => {
  lab = await Lab.create();
  nft = openNft({clock: realClock, command: ['nsenter', `--net=${lab.node.path}`, 'nft']});
});

afterAll(async () => {
  await nft?.stop();
  await lab?.remove();
});

/** SCTP needs a kernel that has it, and a balancer's address as a sender a machine that has it: the tracer's cases. */
const withSockets = ({protocol, from}: Flow): boolean => protocol !== 'SCTP' && from !== 'lb1';

describe.each(['IPv4', 'IPv6'] as const)('flows through the kernel, %s', (family) => {
  describe.each([...loadVectors(family)])('%s', (_file, list) => {
    it.each(list.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
      await nft.commit(tableStatements(desiredTable(vector)));
      await lab.forgetFlows();
      const flows = vector.flows.filter(withSockets);
      const outcomes = await Promise.all(
        flows.map(async (flow) => ({flow: flow.name, outcome: await outcomeOf(flow)})),
      );
      expect(outcomes).toEqual(flows.map((flow) => ({flow: flow.name, outcome: flow.expect})));
    });
  });

  async function outcomeOf({
    from,
    protocol,
    to,
    expect: expected,
  }: Flow): Promise<Vector['flows'][number]['expect']> {
    const served = Array.isArray(expected);
    const answers = await lab.peer(from).flow({
      protocol: protocol === 'UDP' ? 'UDP' : 'TCP',
      host: to.address,
      port: to.port,
      count: served ? tries : 1,
      timeoutMs: served ? 5_000 : timeoutMs,
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
});

/** `ip:port` of who answered, and whether it saw another sender than the one that sent. */
function said({text = '', local}: Answer): string {
  const [host = '', port = '', seen] = text.split(' ');
  return `${joinHostPort(host, Number(port))}${seen === local ? '' : ' masq'}`;
}
