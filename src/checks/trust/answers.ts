import {proxyVariable} from '../../edges/http/proxy-environment.ts';
import type {Answer} from '../../edges/trust/discovery.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Finding} from '../check.ts';

type Silence = Exclude<Answer, {kind: 'answer'}>;
type Spoken = Extract<Answer, {kind: 'answer'}>;

/** Names why a server could not be talked to; a machine behind a proxy may know no other way. */
export function unreachable(server: string, answer: Silence, proxy = proxyVariable()): NodectlError {
  const {host, hostname} = URL.canParse(server) ? new URL(server) : {host: server, hostname: server};
  const ask = `-kv --max-time 5 ${server}/healthz`;
  const hint =
    proxy === undefined
      ? [`curl ${ask}`]
      : [`curl --noproxy '*' ${ask}`, `${proxy} is set, but the API server must be reachable without it.`];
  switch (answer.kind) {
    case 'refused':
      return new NodectlError('ND311', `${host} refuses connections`, {next: hint});
    case 'timeout':
      return new NodectlError('ND312', `${host} did not answer in time`, {next: hint});
    case 'unreachable':
      return new NodectlError('ND301', away(host, answer.detail), {
        next: [`ip route get ${hostname.replace(/^\[|\]$/g, '')}`, ...hint],
      });
    case 'no-name':
      return new NodectlError('ND313', `${host}: ${answer.detail}`, {
        next: [
          `getent hosts ${hostname}`,
          'Correct the name, /etc/hosts or the DNS servers in /etc/resolv.conf.',
        ],
      });
    case 'not-tls':
      return new NodectlError('ND314', `${host}: ${answer.detail.split('\n')[0] ?? ''}`);
    case 'untrusted':
      return new NodectlError('ND407', `${host}: ${answer.detail}`);
    case 'reset':
      return new NodectlError('ND301', `${host} closed the connection: ${answer.detail}`, {next: hint});
  }
}

/** EHOSTUNREACH also comes from a network of our own, where nobody has the address (arp(7)): the machine may be off. */
function away(host: string, detail: string): string {
  const off = detail.includes('EHOSTUNREACH') ? ', or no machine there has this address' : '';
  return `there is no route to ${host}${off}: ${detail}`;
}

/**
 * A control plane that was made with the address of a NAT, or of loopback, gives that to others, who then ask
 * themselves.
 */
export function ownAddressHint(server: string, own: readonly string[]): readonly string[] {
  const host = URL.canParse(server) ? new URL(server).hostname.replace(/^\[|\]$/g, '') : server;
  const isOwn = own.includes(host) || host === 'localhost' || host === '::1' || host.startsWith('127.');
  if (!isOwn) return [];
  return [
    `${host} is this very machine: use an address of the control plane that other machines reach.`,
    'On the control plane: kubectl -n kube-public edit configmap cluster-info, and kubeadm init with --apiserver-advertise-address',
  ];
}

const warnMs = 30_000;
/** Certificate authorities date what they sign back by five minutes: beyond that a fresh one is not valid here. */
const failMs = 5 * 60_000;

/** What the Date header tells of both clocks; its resolution is a second. */
export function skewFinding(answer: Pick<Spoken, 'serverTimeMs' | 'localTimeMs'>): Finding | undefined {
  if (answer.serverTimeMs === undefined) return undefined;
  const ms = answer.localTimeMs - answer.serverTimeMs;
  if (Math.abs(ms) < warnMs) return undefined;
  const direction = ms > 0 ? 'ahead of' : 'behind';
  return {
    code: 'ND316',
    severity: Math.abs(ms) > failMs ? 'error' : 'warning',
    message: `this machine’s clock is ${Math.round(Math.abs(ms) / 1000)} s ${direction} the API server’s`,
    next: ['sudo timedatectl set-ntp true'],
  };
}
