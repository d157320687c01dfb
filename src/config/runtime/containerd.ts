import {NodectlError} from '../../lib/errors.ts';
import type {Layout} from '../layout.ts';
import {pauseImage} from './images.ts';

/** What nodectl decides about containerd; everything else stays as it is. */
export type ContainerdSettings = {
  readonly layout: Layout;
  /** By the init system, and the same in the kubelet's configuration. */
  readonly systemdCgroup: boolean;
  /** Without CAP_SYS_RESOURCE runc may not lower an oom_score_adj, and every container would fail. */
  readonly restrictOomScoreAdj: boolean;
  readonly cniBinDir: string;
};

/**
 * containerd 1.x reads version 2, containerd 2.x version 3 (and migrates older ones). Our version 3 names the plugins'
 * directories as containerd does from 2.1 on (2.3 no longer knows the one `bin_dir`), so 2.0 is given version 2.
 */
export type ConfigVersion = 2 | 3;

const mark = '# Written by nodectl;';

/** `containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3` → 2. */
export function configVersionOf(versionOutput: string): ConfigVersion {
  const [, major = '1', minor = '0'] = /\sv?(\d+)\.(\d+)/.exec(versionOutput) ?? [];
  return Number(major) > 2 || (major === '2' && Number(minor) >= 1) ? 3 : 2;
}

/** `1.6.20`, whether the program or its package says so. */
export function releaseOf(versionOutput: string): string {
  return /\sv?(\d+\.\d+\.\d+)/.exec(versionOutput)?.[1] ?? '';
}

export function templateName(version: ConfigVersion): string {
  return `templates/containerd-v${version}.toml`;
}

export function isOurs(text: string): boolean {
  return text.startsWith(mark);
}

/** A whole configuration of our own, from its template. */
export function ownConfig(template: string, settings: ContainerdSettings): string {
  const {layout} = settings;
  const values: Readonly<Record<string, string>> = {
    root: layout.containerdRoot,
    state: layout.containerdState,
    socket: layout.containerdSocket,
    pauseImage,
    restrictOomScoreAdj: String(settings.restrictOomScoreAdj),
    cniBinDir: settings.cniBinDir,
    cniConfDir: layout.cniConfDir,
    systemdCgroup: String(settings.systemdCgroup),
  };
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? '');
}

type Edit = {
  readonly table: readonly string[];
  readonly key: string;
  readonly value: string;
  /** What an administrator has chosen stays. */
  readonly unlessSet?: true;
};

/** containerd 2.1 has a list beside the one directory, and refuses both at once. */
function pluginDirectory(table: readonly string[], text: string, own: string): Edit {
  const [, list] = /^\s*bin_dirs\s*=\s*\[([^\]]*)\]/m.exec(text) ?? [];
  if (list === undefined) return {table, key: 'bin_dir', value: `"${own}"`};
  const others = [...list.matchAll(/["']([^"']+)["']/g)]
    .map(([, name = '']) => name)
    .filter((n) => n !== own);
  return {table, key: 'bin_dirs', value: `[${[own, ...others].map((name) => `"${name}"`).join(', ')}]`};
}

function edits(version: ConfigVersion, text: string, settings: ContainerdSettings): Edit[] {
  const cri = version === 2 ? 'io.containerd.grpc.v1.cri' : 'io.containerd.cri.v1.runtime';
  const image: Edit =
    version === 2
      ? {table: ['plugins', cri], key: 'sandbox_image', value: `"${pauseImage}"`, unlessSet: true}
      : {
          table: ['plugins', 'io.containerd.cri.v1.images', 'pinned_images'],
          key: 'sandbox',
          value: `"${pauseImage}"`,
          unlessSet: true,
        };
  const runc = ['plugins', cri, 'containerd', 'runtimes', 'runc'];
  const oom: Edit = {table: ['plugins', cri], key: 'restrict_oom_score_adj', value: 'true'};
  return [
    image,
    ...(settings.restrictOomScoreAdj ? [oom] : []),
    pluginDirectory(['plugins', cri, 'cni'], text, settings.cniBinDir),
    {table: ['plugins', cri, 'cni'], key: 'conf_dir', value: `"${settings.layout.cniConfDir}"`},
    {table: runc, key: 'runtime_type', value: '"io.containerd.runc.v2"'},
    {table: [...runc, 'options'], key: 'SystemdCgroup', value: String(settings.systemdCgroup)},
  ];
}

/**
 * An existing configuration with only our keys changed: its registries, snapshotter and comments stay. (A drop-in
 * would not do: containerd 1.x replaces a plugin's whole table by an imported one.)
 * @throws NodectlError ND506 for forms that are not edited by line: version 1, inline tables, dotted keys
 */
export function editedConfig(given: string, settings: ContainerdSettings): string {
  const text = numbered(given);
  const version = Number(/^\s*version\s*=\s*(\d+)/m.exec(text)?.[1] ?? 1);
  if (version !== 2 && version !== 3)
    throw new NodectlError('ND506', `${settings.layout.containerdConfig} has no version 2 or 3`);
  const lines = enableCri(text, version).split('\n');
  for (const edit of edits(version, text, settings)) setKey(lines, edit, settings.layout.containerdConfig);
  return lines.join('\n');
}

/** What Docker's package brings, and guides comment out: without settings of plugins the versions differ in nothing. */
function numbered(text: string): string {
  const says = /^\s*version\s*=|^\s*\[\s*plugins\b|^\s*plugins\s*[.=]/m;
  return says.test(text) ? text : `version = 2\n${text}`;
}

/** Docker's package disables the CRI plugin: containerd then answers no kubelet. */
function enableCri(text: string, version: ConfigVersion): string {
  const cri =
    version === 2
      ? ['cri', 'io.containerd.grpc.v1.cri']
      : ['cri', 'io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.runtime', 'io.containerd.cri.v1.images'];
  return text.replace(/^(\s*disabled_plugins\s*=\s*)\[([^\]]*)\]/m, (_, head: string, list: string) => {
    const kept = list
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== '' && !cri.includes(word.replace(/^["']|["']$/g, '')));
    return `${head}[${kept.join(', ')}]`;
  });
}

/** Replaces a key in its table, or adds it after the table's header, or adds the table at the end. */
function setKey(lines: string[], edit: Edit, path: string): void {
  const wanted = edit.table.join('\n');
  const at = lines.findIndex((line) => tableOf(line)?.join('\n') === wanted);
  if (at < 0) {
    refuseInline(lines, edit, path);
    lines.push(`[${edit.table.map(quoteName).join('.')}]`, `  ${edit.key} = ${edit.value}`, '');
    return;
  }
  const next = lines.findIndex((line, i) => i > at && /^\s*\[/.test(line) && !/^\s*\[\s*["'{]/.test(line));
  const end = next < 0 ? lines.length : next;
  const key = new RegExp(`^(\\s*)${edit.key}\\s*=`);
  const found = lines.findIndex((line, i) => i > at && i < end && key.test(line));
  if (found >= 0 && edit.unlessSet === true) return;
  const indent = /^\s*/.exec(lines[found < 0 ? at : found] ?? '')?.[0] ?? '';
  if (found >= 0) lines[found] = `${indent}${edit.key} = ${edit.value}`;
  else lines.splice(at + 1, 0, `${indent}  ${edit.key} = ${edit.value}`);
}

/** `[plugins."io.containerd.grpc.v1.cri".cni]` as its names; undefined for lines that are no table header. */
export function tableOf(line: string): string[] | undefined {
  const [, inner] = /^\s*\[([^[\]]+)\]\s*(?:#.*)?$/.exec(line) ?? [];
  if (inner === undefined) return undefined;
  return [...inner.matchAll(/"([^"]*)"|'([^']*)'|([\w-]+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '');
}

/** `runc = { … }` or `cni.bin_dir = …` would make the table that is to be added a duplicate. */
function refuseInline(lines: readonly string[], edit: Edit, path: string): void {
  const last = edit.table.at(-1) ?? '';
  const inline = new RegExp(`^\\s*["']?${last.replaceAll('.', '\\.')}["']?\\s*(=\\s*\\{|\\.)`);
  if (lines.some((line) => inline.test(line)))
    throw new NodectlError('ND506', `${path} sets ${last} inline; ${edit.key} must be ${edit.value}`);
}

function quoteName(name: string): string {
  return /^[\w-]+$/.test(name) ? name : `"${name}"`;
}
