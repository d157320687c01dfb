import {cidrContains, parseAddress, parseCidr} from '../../lib/addresses.ts';

/** The environment's proxy for https, by the variable's name: nodectl reaches API servers without it. */
export function proxyVariable(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].find((name) => environment[name]);
}

/** NO_PROXY for a request, with its host added where a range names it, as curl and Go read it; undici reads names only. */
export function noProxyFor(url: string, environment: NodeJS.ProcessEnv = process.env): string {
  const given = environment.no_proxy ?? environment.NO_PROXY ?? '';
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  const address = parseAddress(host.replace(/^\[|\]$/g, ''));
  const ranges = given.split(/[,\s]+/).flatMap((part) => (part.includes('/') ? (parseCidr(part) ?? []) : []));
  const named = address !== undefined && ranges.some((range) => cidrContains(range, address));
  return named ? `${given},${host}` : given;
}
