import {run} from '../process/run.ts';

/** Those of these services that systemd starts at boot, in its order. */
export async function enabledServices(names: readonly string[]): Promise<string[]> {
  const words = ['list-unit-files', '--no-legend', '--no-pager', '--plain', '--full', '--type=service'];
  // It says by 1 that it knows none of them.
  const {stdout} = await run('systemctl', [...words, ...names.map((name) => `${name}.service`)], {
    okCodes: [0, 1],
    timeoutMs: 10_000,
  });
  return parseEnabled(stdout);
}

/** `kubelet.service enabled enabled`: the unit's own state, and what the distribution would have. */
export function parseEnabled(output: string): string[] {
  return output
    .split('\n')
    .flatMap((line) => /^(\S+)\.service\s+enabled(?:-runtime)?(?:\s|$)/.exec(line)?.[1] ?? []);
}
