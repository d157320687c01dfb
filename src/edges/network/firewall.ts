import {findProgram} from '../install/packages.ts';
import {run} from '../process/run.ts';

/** Front ends that keep rules over a reboot; who writes nftables by hand opens ports by hand. */
export type Firewall = 'firewalld' | 'ufw';

export async function activeFirewall(): Promise<Firewall | undefined> {
  if ((await findProgram('firewall-cmd')) !== undefined) {
    const {exitCode} = await run('firewall-cmd', ['--state'], {okCodes: anyCode, timeoutMs: 10_000});
    if (exitCode === 0) return 'firewalld';
  }
  if ((await findProgram('ufw')) === undefined) return undefined;
  return /^Status: active/m.test(await ufwStatus()) ? 'ufw' : undefined;
}

export async function isPortOpen(firewall: Firewall, port: string): Promise<boolean> {
  if (firewall === 'ufw') return parseUfw(await ufwStatus()).includes(port);
  const query = ['--permanent', `--query-port=${port}`];
  return (await run('firewall-cmd', query, {okCodes: anyCode, timeoutMs: 10_000})).exitCode === 0;
}

/** Now and after each boot. */
export async function openPort(firewall: Firewall, port: string): Promise<void> {
  if (firewall === 'ufw') await run('ufw', ['allow', port, 'comment', 'nodectl']);
  else for (const words of lasting(`--add-port=${port}`)) await run('firewall-cmd', words);
}

export async function closePort(firewall: Firewall, port: string): Promise<void> {
  if (firewall === 'ufw') await run('ufw', ['delete', 'allow', port], {okCodes: [0, 1]});
  else
    for (const words of lasting(`--remove-port=${port}`))
      await run('firewall-cmd', words, {okCodes: anyCode});
}

const anyCode = Array.from({length: 256}, (_, code) => code);

/** The running rules and the permanent ones are two sets (firewall-cmd(1)). */
function lasting(word: string): string[][] {
  return [['--permanent', word], [word]];
}

async function ufwStatus(): Promise<string> {
  return (await run('ufw', ['status'], {okCodes: anyCode, timeoutMs: 10_000})).stdout;
}

/** `10250/tcp                  ALLOW       Anywhere` */
export function parseUfw(status: string): string[] {
  return status
    .split('\n')
    .flatMap((line) => /^(\S+)\s+ALLOW(?: IN)?\s+Anywhere\s*(?:#.*)?$/.exec(line)?.[1] ?? []);
}
