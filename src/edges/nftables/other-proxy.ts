import {readFileSync} from 'node:fs';
import {readlink} from 'node:fs/promises';
import {basename} from 'node:path';
import {readText} from '../files/files.ts';
import {allPids, commandOf, environmentOf} from '../process/processes.ts';
import {run} from '../process/run.ts';

/** A program that serves Services in this network namespace. */
export type OtherProxy = {readonly pid: number; readonly name: string};

/** By the name of their processes: whether one serves Services, as it was started and as the machine shows. */
const kinds = new Map<string, (argv: readonly string[], pid: number) => Promise<boolean>>([
  ['kube-proxy', async (argv) => isKubeProxy(argv) && (await hasRules())],
  ['cilium-agent', async (argv, pid) => replacesKubeProxy(await ciliumSetting(argv, pid))],
  // The addresses of Services are this link's, in any of its modes.
  ['kube-router', async (argv) => isRouterProxy(argv) && (await hasLink('kube-dummy-if'))],
]);

/**
 * Another service proxy that runs here and has begun to serve. Remains of one that has ended do not count, nor one that
 * only cleans up.
 */
export async function findOtherProxy(): Promise<OtherProxy | undefined> {
  const own = await networkOf('self');
  const program = await programOf('self');
  for (const pid of await allPids()) {
    const name = nameOf(pid);
    const serves = kinds.get(name);
    // nodectl's own proxy bears kube-proxy's name, for tools that look for it.
    if (serves === undefined || own === undefined || (await programOf(pid)) === program) continue;
    if ((await networkOf(pid)) === own && (await serves(await commandOf(pid), pid))) return {pid, name};
  }
  return undefined;
}

export function isKubeProxy([program = '', ...args]: readonly string[]): boolean {
  const passing = /^--(cleanup|init-only|version|help|write-config-to)\b/;
  return basename(program) === 'kube-proxy' && !args.some((argument) => passing.test(argument));
}

/** kube-router serves Services unless it is told to do its other work only. */
export function isRouterProxy(argv: readonly string[]): boolean {
  const passing = /^--(cleanup-config|version|help)\b|^--run-service-proxy=(0|f|false)$/i;
  return !argv.some((argument) => passing.test(argument));
}

/** Cilium's kube-proxy-replacement; `strict` was its word before 1.14, `partial` leaves node ports to kube-proxy. */
export function replacesKubeProxy(setting: string | undefined): boolean {
  return setting === 'true' || setting === 'strict';
}

/** As cilium-agent reads it: its flags, its environment, and the directory that its ConfigMap is mounted at. */
async function ciliumSetting(argv: readonly string[], pid: number): Promise<string | undefined> {
  const name = 'kube-proxy-replacement';
  const said = flag(argv, name) ?? (await environmentOf(pid, 'CILIUM_KUBE_PROXY_REPLACEMENT'));
  const directory = flag(argv, 'config-dir');
  if (said !== undefined || directory === undefined) return said;
  return (await readText(`/proc/${pid}/root${directory}/${name}`).catch(() => undefined))?.trim();
}

function flag(argv: readonly string[], name: string): string | undefined {
  const joined = argv.find((word) => word.startsWith(`--${name}=`));
  if (joined !== undefined) return joined.slice(name.length + 3);
  const at = argv.indexOf(`--${name}`);
  return at < 0 ? undefined : argv[at + 1];
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

/** Its file, also after another one has taken its name. */
async function programOf(pid: number | 'self'): Promise<string | undefined> {
  const link = await readlink(`/proc/${pid}/exe`).catch(() => undefined);
  return link?.replace(/ \(deleted\)$/, '');
}

/** /sys may be another namespace's. */
async function hasLink(name: string): Promise<boolean> {
  return new RegExp(`^ *${name}:`, 'm').test((await readText('/proc/net/dev')) ?? '');
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
