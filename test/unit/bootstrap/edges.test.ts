import {describe, expect, it} from 'vitest';
import {parseTransaction} from '../../../src/edges/install/dnf.ts';
import {parseSimulation, parseUris} from '../../../src/edges/install/packages.ts';
import {effectiveCapabilities, parseOsRelease, parseSwaps} from '../../../src/edges/machine/machine.ts';
import {mountsBelow, parseMountinfo} from '../../../src/edges/mounts/mounts.ts';
import {parseListeners} from '../../../src/edges/network/ports.ts';
import {parseStat} from '../../../src/edges/process/processes.ts';
import {decide, type Seen} from '../../../src/edges/supervisor/decide.ts';
import {quoteWord, renderUnit} from '../../../src/edges/systemd/systemd.ts';

describe('machine', () => {
  it('reads os-release with and without quotes', () => {
    const text = 'PRETTY_NAME="Ubuntu 24.04.2 LTS"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n';
    expect(parseOsRelease(text)).toEqual({
      id: 'ubuntu',
      like: ['debian'],
      version: '24.04',
      name: 'Ubuntu 24.04.2 LTS',
    });
  });
  it.each([
    ['NAME="Fedora Linux"\nID=fedora\nVERSION_ID=42\nPRETTY_NAME="Fedora Linux 42"\n', 'fedora', [], '42'],
    ['ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.6"\nPRETTY_NAME="RHEL 9.6"\n', 'rhel', ['fedora'], '9.6'],
    [
      'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.5"\nPRETTY_NAME="Rocky 9.5"\n',
      'rocky',
      ['rhel', 'centos', 'fedora'],
      '9.5',
    ],
    ['PRETTY_NAME="Debian 13"\nVERSION_ID="13"\nID=debian\n', 'debian', [], '13'],
    [
      'PRETTY_NAME="Ubuntu 22.04.5 LTS"\nNAME="Ubuntu"\nVERSION_ID="22.04"\nVERSION="22.04.5 LTS (Jammy Jellyfish)"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=jammy\n',
      'ubuntu',
      ['debian'],
      '22.04',
    ],
  ])('reads os-release of other families', (text, id, like, version) => {
    expect(parseOsRelease(text)).toMatchObject({id, like, version});
  });
  it('reads swaps', () => {
    expect(parseSwaps('Filename Type Size Used Priority\n/dev/zram0 partition 1 0 100\n')).toEqual([
      '/dev/zram0',
    ]);
    expect(parseSwaps('Filename Type Size Used Priority\n')).toEqual([]);
  });
  it('reads capabilities', () => {
    expect(effectiveCapabilities('CapEff:\t0000000001000000\n') & (1n << 24n)).not.toBe(0n);
  });
});

describe('processes', () => {
  it('reads a name with spaces and brackets', () => {
    const fields = ['S', '1', '5', '6', ...Array(15).fill('0'), '777', '0'];
    expect(parseStat(`42 (a) b) ${fields.join(' ')}`)).toEqual({state: 'S', session: 6, startTime: '777'});
  });
  it('finds listeners of both families', () => {
    const head =
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
    const rest = '00000000:00000000 00:00000000 00000000     0        0 123 1';
    expect(parseListeners(`${head}   0: 0100007F:280A 00000000:0000 0A ${rest}`)).toEqual([
      {port: 10250, address: '127.0.0.1', inode: '123'},
    ]);
    const any = '00000000000000000000000000000000';
    expect(parseListeners(`${head}   0: ${any}:280A ${any}:0000 0A ${rest}`)[0]?.address).toBe('::');
    expect(parseListeners(`${head}   0: 0100007F:280A 00000000:0000 01 ${rest}`)).toEqual([]);
  });
});

describe('packages', () => {
  it('counts what is new, not what is upgraded', () => {
    const output =
      'Inst runc (1.1.5 Debian)\nInst libc6 [2.36-1] (2.36-2 Debian)\nInst containerd (1.6 Debian)\nConf runc (1.1.5)\n';
    expect(parseSimulation(output)).toEqual(['runc', 'containerd']);
  });
});

describe('packages that must be fetched', () => {
  it('are those that apt has no file of', () => {
    const output = `Reading package lists...
'http://deb.debian.org/debian/pool/main/n/nftables/nftables_1.0.6-2_amd64.deb' nftables_1.0.6-2_amd64.deb 70000 SHA256:00
'http://deb.debian.org/debian/pool/main/libn/libnftnl/libnftnl11_1.2.4-2_amd64.deb' libnftnl11_1.2.4-2_amd64.deb 63000 SHA256:00
`;
    expect(parseUris(output)).toEqual(['nftables', 'libnftnl11']);
    expect(parseUris('Reading package lists...\n')).toEqual([]);
  });
});

/** As dnf prints them on an 80-column terminal without one. */
describe('a transaction of dnf', () => {
  it('4, with a name too long for its column, and an upgrade', () => {
    const output = `Last metadata expiration check: 0:01:00 ago on Fri 21 Nov 2026 08:00:00 AM UTC.
Dependencies resolved.
================================================================================
 Package                     Arch    Version               Repository      Size
================================================================================
Installing:
 conntrack-tools             x86_64  1.4.7-4.el9           appstream      223 k
 iptables-nft                x86_64  1.8.10-11.el9         baseos         187 k
Upgrading:
 libmnl                      x86_64  1.0.5-1.el9           baseos          28 k
Installing dependencies:
 libnetfilter_cthelper-a-name-that-is-long
                             x86_64  1.0.0-22.el9          appstream       23 k
 libnetfilter_queue          x86_64  1.0.5-1.el9           appstream       28 k

Transaction Summary
================================================================================
Install  4 Packages
Operation aborted.
`;
    expect(parseTransaction(output)).toEqual([
      'conntrack-tools',
      'iptables-nft',
      'libnetfilter_cthelper-a-name-that-is-long',
      'libnetfilter_queue',
    ]);
  });

  it('5, with what replaces something', () => {
    const output = `Package           Arch   Version       Repository      Size
Installing:
 containerd       x86_64 2.0.5-1.fc42  updates    117.9 MiB
   replacing moby x86_64 1.0-1.fc42    updates      1.0 MiB
Installing dependencies:
 runc             x86_64 2:1.2.5-1     updates     13.0 MiB
Installing weak dependencies:
 containernetworking-plugins x86_64 1.6 fedora    60.0 MiB

Transaction Summary:
 Installing:        3 packages

Operation aborted by the user.
`;
    expect(parseTransaction(output)).toEqual(['containerd', 'runc', 'containernetworking-plugins']);
  });

  it('that has nothing to do', () => {
    expect(parseTransaction('Package nftables is already installed.\nNothing to do.\n')).toEqual([]);
  });
});

describe('mounts', () => {
  it('finds those below, innermost first, and not one at the directory itself', () => {
    const line = (point: string) => `36 35 98:0 / ${point} rw shared:1 - tmpfs tmpfs rw`;
    const info = ['/var/lib/kubelet', '/var/lib/kubelet/a\\040b', '/var/lib/kubelet/c', '/var/lib/kubelet2']
      .map(line)
      .join('\n');
    expect(mountsBelow(parseMountinfo(info), '/var/lib/kubelet')).toEqual([
      '/var/lib/kubelet/c',
      '/var/lib/kubelet/a b',
    ]);
  });
});

describe('systemd', () => {
  it.each([
    ['/usr/bin/x', '/usr/bin/x'],
    ['a b', '"a b"'],
    ['100%', '100%%'],
    ['$HOME', '$$HOME'],
    ['say "hi"', '"say \\"hi\\""'],
  ])('quotes %s', (word, quoted) => {
    expect(quoteWord(word)).toBe(quoted);
  });
  it('fills a template', () => {
    const template =
      '[Unit]\nDescription={{description}}\nAfter={{after}}\n[Service]\n{{environment}}\nExecStart={{exec}}\nType={{type}}\nTimeoutStopSec={{stop}}\n';
    const text = renderUnit(template, {
      name: 'nodectl-kubelet',
      description: 'Kubelet',
      argv: ['/usr/local/bin/nodectl', 'kubelet'],
      env: {NODECTL_REVISION: 'r'},
      after: ['containerd'],
      restart: 'always',
      notify: true,
      killMode: 'process',
      stopTimeoutMs: 1500,
      template: '',
    });
    expect(text).toBe(
      '[Unit]\nDescription=Kubelet\nAfter=containerd.service\n[Service]\nEnvironment=NODECTL_REVISION=r\n' +
        'ExecStart=/usr/local/bin/nodectl kubelet\nType=notify\nTimeoutStopSec=2\n',
    );
  });
});

describe('supervisor', () => {
  const seen: Seen = {
    installed: true,
    wanted: true,
    nowMs: 1000,
    running: true,
    adopted: false,
    condemned: false,
    stoppingSinceMs: undefined,
    stopTimeoutMs: 500,
    notBeforeMs: 0,
    dependenciesRun: true,
  };
  it.each<[string, Partial<Seen>, string[], boolean]>([
    ['leaves its own child alone', {}, [], true],
    ['looks at an adopted one', {adopted: true}, [], true],
    ['starts what is wanted', {running: false}, ['spawn'], false],
    ['holds back after an end', {running: false, notBeforeMs: 1500}, [], false],
    ['waits for what goes first', {running: false, dependenciesRun: false}, [], false],
    ['ends what is not wanted', {wanted: false}, ['terminate'], false],
    ['ends what has no description', {installed: false}, ['terminate'], false],
    ['ends once for a restart', {condemned: true}, ['terminate'], false],
    ['is patient', {wanted: false, stoppingSinceMs: 800}, [], false],
    ['is not patient for ever', {wanted: false, stoppingSinceMs: 500}, ['kill'], false],
    ['is content when all is over', {wanted: false, running: false}, [], true],
  ])('%s', (_, change, acts, settled) => {
    const verdict = decide({...seen, ...change});
    expect(verdict.acts.map(({kind}) => kind)).toEqual(acts);
    expect(verdict.settled).toBe(settled);
    if (!settled) expect(verdict.againInMs).toBeDefined();
  });
});
