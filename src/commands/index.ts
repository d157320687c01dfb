import type {Command} from '@oclif/core';
import Explain from './explain.ts';
import ServeProxy from './proxy.ts';

/** Every command by its oclif id; the command sentence is the file path. */
export const COMMANDS: Record<string, Command.Class> = {
  explain: Explain,
  proxy: ServeProxy,
};
