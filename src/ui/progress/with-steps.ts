import {onInterrupt} from './interrupt.ts';

/** Shows steps as lines of stderr; Ctrl-C ends the work after the step that it is at. */
export function withSteps<T>(
  work: (deps: {onStep: (text: string) => void; signal: AbortSignal}) => Promise<T>,
): Promise<T> {
  const onStep = (text: string) => void process.stderr.write(`  ${text}\n`);
  return work({onStep, signal: onInterrupt().signal});
}
