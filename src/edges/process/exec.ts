import {execa, type Options, type ResultPromise} from 'execa';
import {childEnvironment} from './child-environment.ts';
import type {RunOptions} from './run.ts';

export {type RunOptions, type RunResult, run} from './run.ts';

export type Child = ResultPromise<{
  buffer: false;
  reject: false;
  stdin: 'pipe';
  stdout: 'pipe';
  stderr: 'pipe';
}>;

/** Starts a long-lived program with piped streams; the caller reads them and ends it. */
export function start(file: string, args: readonly string[], options: RunOptions = {}): Child {
  return execa(file, args, {
    ...childOptions(options),
    buffer: false,
    reject: false,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });
}

function childOptions(options: RunOptions): Pick<Options, 'cwd' | 'env' | 'cancelSignal' | 'extendEnv'> {
  const {cwd, signal} = options;
  return {cwd, env: childEnvironment(options.env), extendEnv: true, cancelSignal: signal};
}
