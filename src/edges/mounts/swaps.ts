import {readText} from '../files/files.ts';
import {parseSwaps} from '../machine/machine.ts';
import {run} from '../process/run.ts';

/** Devices and files in use as swap at this moment. */
export async function activeSwaps(): Promise<string[]> {
  return parseSwaps((await readText('/proc/swaps')) ?? '');
}

/** Swap units that systemd would start by itself and that do not come from fstab (zram, GPT, a unit file). */
export async function swapUnits(): Promise<string[]> {
  const {stdout} = await run(
    'systemctl',
    ['show', '*.swap', '--all', '--property=Id,LoadState,SourcePath,FragmentPath'],
    {okCodes: [0, 1, 4], timeoutMs: 20_000},
  );
  return parseSwapUnits(stdout);
}

export function parseSwapUnits(output: string): string[] {
  return output.split('\n\n').flatMap((block) => {
    const field = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(block)?.[1] ?? '';
    const own = field('LoadState') === 'loaded' && field('FragmentPath') !== '';
    return own && field('SourcePath') !== '/etc/fstab' ? [field('Id')] : [];
  });
}
