import type {Command} from '@oclif/core';
import Explain from './explain.ts';
import Join from './join.ts';
import ServeProxy from './proxy.ts';
import Supervise from './supervise.ts';

/** Every command by its oclif id; the command sentence is the file path. */
export const COMMANDS: Record<string, Command.Class> = {
  explain: Explain,
  join: Join,
  supervise: Supervise,
  proxy: ServeProxy,
};
