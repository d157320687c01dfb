import type {JoinInput} from '../join.ts';
import {defined} from './defined.ts';
import {mergeFields} from './patches.ts';

/** Flags (and the environment) over a --config file: what they say wins, and what contradicts it goes. */
export function mergeInput(file: Partial<JoinInput>, flags: JoinInput): JoinInput {
  const merged = {...withoutContradictions(file, flags), ...defined(flags)};
  return {
    ...merged,
    hostname: flags.hostname,
    // Both count, as in kubeadm.
    ignorePreflightErrors: [...(file.ignorePreflightErrors ?? []), ...(flags.ignorePreflightErrors ?? [])],
    kubeletConfiguration: mergeFields(file.kubeletConfiguration ?? {}, flags.kubeletConfiguration ?? {}),
    proxyConfiguration: {...file.proxyConfiguration, ...flags.proxyConfiguration},
  };
}

/** One flag may stand for several fields: --token for both tokens, a discovery file for all of token discovery. */
function withoutContradictions(file: Partial<JoinInput>, flags: JoinInput): Partial<JoinInput> {
  const {discoveryToken, tlsBootstrapToken, endpoint, caCertHashes, discoveryFile, ...rest} = file;
  const byToken =
    flags.token !== undefined || flags.discoveryToken !== undefined || flags.endpoint !== undefined;
  if (flags.discoveryFile !== undefined) return {...rest, tlsBootstrapToken};
  return {
    ...rest,
    endpoint,
    caCertHashes,
    ...(flags.token === undefined ? {discoveryToken, tlsBootstrapToken} : {}),
    ...(byToken ? {} : {discoveryFile}),
  };
}
