import {lstat} from 'node:fs/promises';
import {join} from 'node:path';
import {assetText} from '../files/assets.ts';
import {removeFile, writeAtomic} from '../files/files.ts';
import {followProgram} from '../files/follow.ts';
import {environmentOf} from '../process/processes.ts';
import {run} from '../process/run.ts';
import type {ServiceManager, ServiceStatus, ServiceUnit, UnitFile} from './services.ts';

const slowMs = 120_000;

/** Services under systemd. Unit files are root's alone (CIS 4.1.1), and hold no secret all the same. */
export function systemdServices(unitDir: string): ServiceManager {
  const ctl = (args: readonly string[], okCodes: readonly number[] = [0]) =>
    run('systemctl', ['--no-ask-password', ...args], {okCodes, timeoutMs: slowMs});
  const file = (unit: ServiceUnit): UnitFile => ({
    path: unitPath(unitDir, unit),
    content: renderUnit(assetText(unit.template), unit),
    mode: 0o600,
  });
  return {
    kind: 'systemd',
    file,
    async install(unit) {
      const {path, content, mode} = file(unit);
      await writeAtomic(path, content, mode);
      await ctl(['daemon-reload']);
    },
    reload: async () => void (await ctl(['daemon-reload'])),
    start: async (name) => void (await ctl(['enable', '--now', service(name)])),
    stop: async (name) => void (await ctl(['stop', service(name)])),
    async restart(name) {
      await ctl(['enable', service(name)]);
      await ctl(['restart', service(name)]);
    },
    disable: async (name) => void (await ctl(['disable', '--now', service(name)], [0, 1, 5])),
    async remove(name) {
      // 5: not loaded.
      await ctl(['disable', '--now', service(name)], [0, 1, 5]);
      await removeFile(join(unitDir, service(name)));
      await ctl(['daemon-reload']);
      await ctl(['reset-failed', service(name)], [0, 1, 5]);
    },
    async status(name) {
      const properties = 'LoadState,ActiveState,MainPID,NRestarts,UnitFileState,ExecMainStatus,ExecMainCode';
      const {stdout} = await ctl(['show', service(name), `--property=${properties}`], [0, 1, 4]);
      return parseShow(stdout, environmentOf, await isRegularFile(join(unitDir, service(name))));
    },
    async log(name, lines, sinceMs) {
      const words = ['--no-pager', ...journalWords(name, lines, sinceMs)];
      const {stdout} = await run('journalctl', words, {okCodes: [0, 1], timeoutMs: 10_000});
      return stdout.trimEnd().split('\n');
    },
    follow: (name, lines, out, signal, sinceMs) =>
      followProgram('journalctl', ['--follow', ...journalWords(name, lines, sinceMs)], out, signal),
  };
}

function journalWords(name: string, lines: number, sinceMs: number | undefined): string[] {
  const words = ['--output=cat', `--lines=${lines}`, `--unit=${service(name)}`];
  return sinceMs === undefined ? words : [...words, `--since=@${Math.floor(sinceMs / 1000)}`];
}

function service(name: string): string {
  return `${name}.service`;
}

function unitPath(unitDir: string, unit: ServiceUnit): string {
  return unit.dropIn === true
    ? join(unitDir, `${service(unit.name)}.d`, '10-nodectl.conf')
    : join(unitDir, service(unit.name));
}

/** Fills a unit template; pure, with golden files. */
export function renderUnit(template: string, unit: ServiceUnit): string {
  const values: Readonly<Record<string, string>> = {
    description: unit.description,
    exec: unit.argv.map(quoteWord).join(' '),
    environment: Object.entries(unit.env ?? {})
      .map(([key, value]) => `Environment=${quote(`${key}=${value}`.replaceAll('%', '%%'))}`)
      .join('\n'),
    after: (unit.after ?? []).map(service).join(' '),
    type: unit.notify ? 'notify' : 'exec',
    stop: String(Math.ceil(unit.stopTimeoutMs / 1000)),
  };
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? '');
}

/** systemd.service(5): in ExecStart `%` and `$` are doubled. */
export function quoteWord(word: string): string {
  return quote(word.replaceAll('%', '%%').replaceAll('$', '$$$$'));
}

function quote(word: string): string {
  return /^[\w@%+=:,./$-]+$/.test(word) ? word : `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** What systemctl shows of a unit; `ownFile`: a file describes it where ours are written, be it an empty one. */
export async function parseShow(
  output: string,
  environment: (pid: number, name: string) => Promise<string | undefined>,
  ownFile: boolean,
): Promise<ServiceStatus> {
  const fields = new Map(
    output.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const pid = Number(fields.get('MainPID') ?? 0);
  const status = fields.get('ExecMainStatus') ?? '0';
  // CLD_EXITED is 1; 2 and 3 are signals, whose number the status is.
  const how = fields.get('ExecMainCode') === '1' ? `exit ${status}` : `signal ${status}`;
  return {
    installed: fields.get('LoadState') === 'loaded',
    ...unusable(fields.get('LoadState'), ownFile),
    enabled: fields.get('UnitFileState')?.startsWith('enabled') === true,
    running: ['active', 'reloading'].includes(fields.get('ActiveState') ?? ''),
    restarting: fields.get('ActiveState') === 'activating',
    ...(pid > 0 ? {pid, revision: await environment(pid, 'NODECTL_REVISION')} : {}),
    restarts: Number(fields.get('NRestarts') ?? 0),
    ...(fields.get('ExecMainCode') === '0' ? {} : {lastExit: how}),
  };
}

/** A link to /dev/null masks a unit, and so does an empty file, which a power cut leaves (systemd.unit(5)). */
function unusable(loadState: string | undefined, ownFile: boolean): Pick<ServiceStatus, 'unusable'> {
  if (loadState === 'bad-setting' || loadState === 'error') return {unusable: 'damaged'};
  if (loadState !== 'masked') return {};
  return {unusable: ownFile ? 'damaged' : 'masked'};
}

async function isRegularFile(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
