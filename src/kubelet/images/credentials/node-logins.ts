import {readText} from '../../../edges/files/files.ts';
import {type CredentialEntry, credentialsIn} from './credentials.ts';

/**
 * The node's own logins, for every pod: docker's configuration below the kubelet's root, in the home directory, or in
 * the root directory; the first that can be read counts (pkg/credentialprovider, ReadDockerConfigFile).
 */
export async function nodeLogins(rootDir: string, home: string): Promise<readonly CredentialEntry[]> {
  const current = [rootDir, `${home}/.docker`, '/.docker'].map((dir) => `${dir}/config.json`);
  const legacy = [rootDir, home, ''].map((dir) => `${dir}/.dockercfg`);
  for (const path of [...current, ...legacy]) {
    const text = await readText(path);
    const entries = text === undefined ? undefined : credentialsIn(text, legacy.includes(path));
    if (entries !== undefined) return entries;
  }
  return [];
}
