import {type Followed, readFollowed} from '../../edges/nftables/proxy-commits.ts';
import {type Finding, failure} from '../check.ts';
import {agoText} from '../node/ago.ts';
import {command, nodeCheck} from '../node/context.ts';

/** Longer than the pause of any back-off, and than a quiet watch takes to show that it works again. */
const staleMs = 90_000;

/** Whether the proxy still hears of changes: rules that nobody brings up to date look healthy for long. */
export const servicesFollowed = nodeCheck({
  name: 'ServicesFollowed',
  category: 'proxy',
  codes: ['ND750'],
  looks: 'asks the proxy’s /following',
  after: ['ProxyHealth'],
  blames: ['APIServer', 'ProxyService'],
  observe: async ({proxied, options}, signal) =>
    proxied ? await readFollowed(options.ports.proxyMetrics, signal) : undefined,
  judge: (seen, context) => judgeFollowed(seen ?? [], command(context, 'logs proxy')),
});

export function judgeFollowed(all: readonly Followed[], logs: string): readonly Finding[] {
  const [worst] = all
    .filter(({synced, failingMs}) => failingMs > (synced ? staleMs : 0))
    .toSorted((a, b) => b.failingMs - a.failingMs);
  if (worst === undefined) return [];
  const since = `for ${agoText(worst.failingMs)}`;
  const what = worst.synced
    ? `the service proxy has heard nothing of ${worst.resource} ${since}`
    : `the service proxy cannot read ${worst.resource} (tried ${since})`;
  const forbidden = /forbidden|unauthorized/i.test(worst.error ?? '');
  const next = forbidden ? ['kubectl get clusterrolebinding kubeadm:node-proxier -o yaml'] : [];
  return [failure('ND750', `${what}\n${worst.error ?? ''}`, ...next, logs)];
}
