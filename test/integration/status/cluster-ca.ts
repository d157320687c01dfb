import {readFileSync} from 'node:fs';
import type {StatusNode} from './node.ts';

/** The sandbox's CA with its key, to issue what its cluster trusts. */
export function clusterCa({machine}: StatusNode): {cert: string; key: string} {
  const pki = machine.path('/var/lib/nodectl/sandbox/state/pki');
  return {cert: readFileSync(`${pki}/ca.crt`, 'utf8'), key: readFileSync(`${pki}/ca.key`, 'utf8')};
}
