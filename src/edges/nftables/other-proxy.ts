import {readFileSync} from 'node:fs';
import {readlink} from 'node:fs/promises';
import {basename} from 'node:path';
import {readText} from '../files/files.ts';
import {run} from '../process/exec.ts';
import {allPids, commandOf} from '../process/processes.ts';

/** A program that serves Services in this network namespace. */
export type OtherProxy = {readonly pid: number; readonly name: string};

/**
 * A kube-proxy that runs here and has written its rules. Remains of one that has ended do not count, nor one that only
 * cleans up. (Cilium and others that need no rules of this kind cannot be told from without.)
 */
export async function findOtherProxy(): Promise<OtherProxy | undefined> {
  const own = await networkOf('self');
  for (const pid of await allPids()) {
    if (nameOf(pid) !== 'kube-proxy' || !isKubeProxy(await commandOf(pid))) continue;
    if (own === undefined || (await networkOf(pid)) !== own) continue;
    return (await hasRules()) ? {pid, name: 'kube-proxy'} : undefined;
  }
  return undefined;
}

/** nodectl's own proxy bears kube-proxy's name, for tools that look for it; its command line says what it is. */
export function isKubeProxy([program = '', ...args]: readonly string[]): boolean {
  const passing = /^--(cleanup|init-only|version|help|write-config-to)\b/;
  return basename(program) === 'kube-proxy' && !args.some((argument) => passing.test(argument));
}

/** Synchronous: with a thousand processes a promise for each costs ten times as much. */
function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

function networkOf(pid: number | 'self'): Promise<string | undefined> {
  return readlink(`/proc/${pid}/ns/net`).catch(() => undefined);
}

async function hasRules(): Promise<boolean> {
  const {stdout} = await run('nft', ['list', 'tables'], {timeoutMs: 5_000});
  if (/^table ip6? kube-proxy$/m.test(stdout)) return true;
  for (const family of ['ip', 'ip6'])
    if (await succeeds('nft', ['--terse', 'list', 'chain', family, 'nat', 'KUBE-SERVICES'])) return true;
  const legacy = (await readText('/proc/net/ip_tables_names').catch(() => undefined)) ?? '';
  return /^nat$/m.test(legacy) && succeeds('iptables-legacy', ['-t', 'nat', '-S', 'KUBE-SERVICES']);
}

function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  return run(program, args, {timeoutMs: 5_000}).then(
    () => true,
    () => false,
  );
}
