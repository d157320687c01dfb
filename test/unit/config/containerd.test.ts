import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {hostLayout, layoutBelow} from '../../../src/config/layout.ts';
import {
  configVersionOf,
  editedConfig,
  isOurs,
  ownConfig,
  tableOf,
} from '../../../src/config/runtime/containerd.ts';

const settings = {
  layout: hostLayout,
  systemdCgroup: true,
  restrictOomScoreAdj: false,
  cniBinDir: '/usr/lib/cni',
};
const template = (version: number) => readFileSync(`templates/containerd-v${version}.toml`, 'utf8');

describe('configVersionOf', () => {
  it.each([
    ['containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3', 2],
    ['containerd containerd.io 1.7.27 05044ec0a9a75232cad458027ca83437aae3f4da', 2],
    ['containerd github.com/containerd/containerd/v2 2.0.2 2.0.2-0ubuntu1', 2],
    ['containerd github.com/containerd/containerd/v2 2.3.0 ', 3],
    ['containerd github.com/containerd/containerd/v2 v2.1.4 75cb2b7193e4e490e9fbdc236c0e811ccaba3376', 3],
  ])('%s', (output, version) => {
    expect(configVersionOf(output)).toBe(version);
  });
});

describe('ownConfig', () => {
  it.each([2, 3])('fills every place of the template of version %i', (version) => {
    const text = ownConfig(template(version), {...settings, layout: layoutBelow('/srv/n')});
    expect(text).not.toContain('{{');
    expect(text).toContain(`version = ${version}`);
    expect(text).toContain('address = "/srv/n/run/containerd.sock"');
    expect(text).toContain('SystemdCgroup = true');
    expect(text).toContain('nodectl.local/pause:1');
    expect(isOurs(text)).toBe(true);
  });
});

describe('editedConfig', () => {
  const existing = `# mine
version = 2
disabled_plugins = ["cri", "io.containerd.snapshotter.v1.btrfs"]

[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    sandbox_image = "registry.example/pause:3" # old
    [plugins."io.containerd.grpc.v1.cri".registry]
      config_path = "/etc/containerd/certs.d"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`;
  const edited = editedConfig(existing, settings);

  it('keeps what is not ours', () => {
    expect(edited).toContain('# mine');
    expect(edited).toContain('config_path = "/etc/containerd/certs.d"');
    expect(edited).toContain('"io.containerd.snapshotter.v1.btrfs"');
  });
  it('enables CRI', () => {
    expect(edited).toMatch(/disabled_plugins = \["io.containerd.snapshotter.v1.btrfs"\]/);
  });
  it('replaces, adds to a table and adds a table', () => {
    expect(edited).toContain('    sandbox_image = "registry.example/pause:3" # old');
    expect(edited).toMatch(/\[plugins\."io\.containerd\.grpc\.v1\.cri"\.cni\]\n {2}(conf_dir|bin_dir) = /);
    expect(edited).toMatch(/runtimes\.runc\.options\]\n {2}SystemdCgroup = true/);
  });
  it('changes nothing the second time', () => {
    expect(editedConfig(edited, settings)).toBe(edited);
  });
  it.each([
    [
      'Docker’s, edited by hand',
      '# Licensed\n\ndisabled_plugins = ["cri"]\n#root = "/var/lib/containerd"\n[debug]\n  level = "info"\n',
    ],
    ['one in which a guide has commented out the only key', '# Licensed\n#disabled_plugins = ["cri"]\n'],
    ['an empty one', ''],
  ])('gives a number to a file without one that sets no plugin: %s', (_, text) => {
    const numbered = editedConfig(text, settings);
    expect(numbered).toMatch(/^version = 2$/m);
    expect(numbered).not.toMatch(/^disabled_plugins = \["cri"\]/m);
    expect(numbered.indexOf('version = 2')).toBeLessThan(numbered.search(/^\s*\[/m));
    expect(editedConfig(numbered, settings)).toBe(numbered);
  });
  it('adds its directory of plugins to a list of them, as containerd 2.1 writes by default', () => {
    const cri = 'io.containerd.cri.v1.runtime';
    const list = `version = 3\n[plugins.'${cri}'.cni]\n  bin_dir = ''\n  bin_dirs = ['/usr/lib/cni', '/x']\n`;
    const once = editedConfig(list, settings);
    expect(once).toContain("bin_dir = ''");
    expect(once).toContain(`  bin_dirs = ["${settings.cniBinDir}", `);
    expect(once).toContain('"/x"]');
    expect(editedConfig(once, settings)).toBe(once);
  });
  it('names what it does not edit', () => {
    expect(() => editedConfig('[plugins.cri]\n', settings)).toThrow('no version 2 or 3');
    const inline = 'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\n  cni = { bin_dir = "/x" }\n';
    expect(() => editedConfig(inline, settings)).toThrow('sets cni inline');
  });
});

describe('tableOf', () => {
  it('reads both kinds of quotes', () => {
    expect(tableOf(`  [plugins."io.containerd.grpc.v1.cri".cni] # x`)).toEqual([
      'plugins',
      'io.containerd.grpc.v1.cri',
      'cni',
    ]);
    expect(tableOf(`[plugins.'io.containerd.cri.v1.runtime']`)).toEqual([
      'plugins',
      'io.containerd.cri.v1.runtime',
    ]);
    expect(tableOf('[[array]]')).toBeUndefined();
  });
});
