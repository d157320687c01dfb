import {hostname} from 'node:os';
import {Flags} from '@oclif/core';

/** What every command that looks at this node's runtime takes. */
export const nodeFlags = {
  namespace: Flags.string({char: 'n', description: 'of this namespace only'}),
  root: Flags.string({description: 'the directory that was given to join'}),
};

export function here(root: string | undefined): {hostname: string; root: string | undefined} {
  return {hostname: hostname(), root};
}
