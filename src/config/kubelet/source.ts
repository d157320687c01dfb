import {posix} from 'node:path';
import {isRecord, type ReadDocument, readDocument, type Source} from '../document.ts';
import {kubeletConfiguration} from './schema.ts';

/** A file that holds a whole configuration, or a drop-in that is merged over those. */
export type KubeletSource = Source & {readonly dropIn?: boolean};
export type ReadSource = Pick<ReadDocument<unknown>, 'value' | 'nulls'> &
  Pick<KubeletSource, 'dropIn'> & {readonly warnings: readonly string[]};

/** Paths that the kubelet takes relative to the file that holds them (kubeletconfig.KubeletConfigurationPathRefs). */
const pathFields: readonly (readonly string[])[] = [
  ['staticPodPath'],
  ['authentication', 'x509', 'clientCAFile'],
  ['tlsCertFile'],
  ['tlsPrivateKeyFile'],
  ['resolvConf'],
  ['volumePluginDir'],
  ['podLogsDir'],
];

/**
 * Parses one file and checks it by itself, so that each complaint has a line and a column. Fields that it does not know
 * are told of and left out, as the kubelet does with v1beta1: a cluster's may be of a newer release.
 * @throws NodectlError ND701
 */
export function readSource(source: KubeletSource): ReadSource {
  const warnings: string[] = [];
  const tell = (complaint: string) => warnings.push(complaint);
  const {value, nulls} = readDocument(source, kubeletConfiguration, 'ND701', tell);
  const absolutes = withAbsolutePaths(value, posix.dirname(posix.resolve(source.path)));
  return {value: absolutes, nulls, dropIn: source.dropIn, warnings};
}

function withAbsolutePaths(value: ReadSource['value'], directory: string): ReadSource['value'] {
  return pathFields.reduce((result, path) => absolute(result, path, directory), value);
}

function absolute(
  value: ReadSource['value'],
  path: readonly string[],
  directory: string,
): ReadSource['value'] {
  const [first = '', ...rest] = path;
  const inner = value[first];
  if (rest.length > 0) return isRecord(inner) ? {...value, [first]: absolute(inner, rest, directory)} : value;
  if (typeof inner !== 'string' || inner === '' || posix.isAbsolute(inner)) return value;
  return {...value, [first]: posix.join(directory, inner)};
}
