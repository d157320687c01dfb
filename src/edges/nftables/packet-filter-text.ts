import {run} from '../process/run.ts';
import {legacyRules} from './nft-sight.ts';

/** Rules of both kinds and routes as text, without the elements of sets. */
export async function packetFilterText(signal: AbortSignal): Promise<string> {
  const options = {timeoutMs: 10_000, signal, okCodes: [0, 1, 2]};
  const [nft, legacy, addresses, routes] = await Promise.all([
    run('nft', ['--terse', 'list', 'ruleset'], options),
    legacyRules(signal),
    run('ip', ['address'], options),
    run('ip', ['route', 'show', 'table', 'all'], options),
  ]);
  return [nft.stdout, '# iptables-legacy', ...legacy, addresses.stdout, routes.stdout].join('\n');
}
