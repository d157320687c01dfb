import {NodectlError} from '../../lib/errors.ts';
import type {Facts} from '../phase.ts';
import {missingParts} from './install.ts';

/**
 * A bundle brings the runtime's archives and images, and no packages: a machine without a network is told which it
 * lacks before anything is changed.
 * @throws NodectlError ND503 naming them, and how they come here
 */
export async function assertNeedsNoNetwork(facts: Facts): Promise<void> {
  const {runtime} = facts.options;
  if (runtime.kind !== 'archive' || !runtime.offline) return;
  const names = (await missingParts(facts)).flatMap((act) => (act.kind === 'packages' ? act.names : []));
  if (names.length === 0) return;
  const {packages} = facts;
  const lacking = packages === undefined ? names : await packages.toFetch(names);
  if (lacking.length === 0) return;
  const [download, install] =
    packages?.kind === 'dnf'
      ? [`dnf download --resolve ${lacking.join(' ')}`, 'sudo dnf install ./*.rpm']
      : [`apt-get download ${lacking.join(' ')}`, 'sudo apt-get install ./*.deb'];
  throw new NodectlError(
    'ND503',
    `the bundle brings no packages, and this machine lacks ${lacking.join(', ')}`,
    {
      next: [`On a machine of this distribution with a network: ${download}`, `Copied here: ${install}`],
    },
  );
}
