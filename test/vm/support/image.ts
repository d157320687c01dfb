import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import {join, resolve} from 'node:path';
import {mirror} from '../../integration/support/debian.ts';

const cache = resolve(import.meta.dirname, '../../../.cache/vm');

export type Suite = 'bookworm' | 'trixie';

/** What qemu boots: a disk that is never written to, and what it needs beside it. */
export type Image = {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  /** Lets root in by ssh. */
  readonly key: string;
};

/** A small server as people have it. */
const installed =
  'ca-certificates curl dbus iproute2 kmod linux-image-cloud-amd64 openssh-server procps sudo systemd systemd-sysv udev';
/** What nodectl installs by itself: lies in apt's cache, so that no network is needed. */
const cached = 'conntrack containerd containernetworking-plugins iptables nftables runc';
/** Would run whenever they like. */
const masked = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'systemd-tmpfiles-clean.timer',
];
const lan = `[Match]
Name=eth0
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
IPv6AcceptRA=no
`;
const hosts = '127.0.0.1 localhost\n127.0.1.1 fresh\n::1 localhost\n';

/** The image of a suite, made once for the same inputs (this file, the mirror) and kept in .cache. */
export function image(suite: Suite): Image {
  const inputs = [suite, mirror(), readFileSync(import.meta.filename, 'utf8')].join('\n');
  const digest = createHash('sha256').update(inputs).digest('hex').slice(0, 12);
  const dir = join(cache, `${suite}-${digest}`);
  if (!existsSync(dir)) make(suite, dir);
  return {
    disk: join(dir, 'disk'),
    kernel: join(dir, 'kernel'),
    initrd: join(dir, 'initrd'),
    key: join(dir, 'key'),
  };
}

function make(suite: Suite, dir: string): void {
  mkdirSync(cache, {recursive: true});
  const draft = mkdtempSync(join(cache, '.draft-'));
  const root = join(draft, 'root');
  try {
    const flags = ['--variant=minbase', '--mode=root', '--quiet'];
    nice('mmdebstrap', [...flags, `--include=${installed.replaceAll(' ', ',')}`, suite, root, mirror()]);
    inside(root, 'apt-get', '-q', 'update');
    inside(
      root,
      'apt-get',
      '-q',
      '-y',
      '--download-only',
      '--no-install-recommends',
      'install',
      ...cached.split(' '),
    );
    nice('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(draft, 'key')]);
    configure(root, readFileSync(join(draft, 'key.pub'), 'utf8'));
    copyFileSync(join(root, 'vmlinuz'), join(draft, 'kernel'));
    copyFileSync(join(root, 'initrd.img'), join(draft, 'initrd'));
    const disk = join(draft, 'disk');
    writeFileSync(disk, '');
    truncateSync(disk, 6 * 1024 ** 3);
    nice('/usr/sbin/mke2fs', ['-q', '-F', '-t', 'ext4', '-d', root, disk]);
    rmSync(root, {recursive: true});
    // Another run may have made the same image meanwhile: one of them is enough.
    if (!existsSync(dir)) renameSync(draft, dir);
  } finally {
    rmSync(draft, {recursive: true, force: true});
  }
}

function configure(root: string, publicKey: string): void {
  const write = (path: string, text: string, mode = 0o644) => {
    rmSync(join(root, path), {force: true});
    writeFileSync(join(root, path), text, {mode});
  };
  mkdirSync(join(root, 'root/.ssh'), {recursive: true, mode: 0o700});
  write('root/.ssh/authorized_keys', publicKey, 0o600);
  write('etc/hostname', 'fresh\n');
  write('etc/hosts', hosts);
  write('etc/resolv.conf', 'nameserver 10.0.2.3\n');
  write('etc/fstab', '/dev/vda / ext4 defaults 0 0\n');
  write('etc/systemd/network/10-lan.network', lan);
  write('etc/machine-id', `${createHash('md5').update(publicKey).digest('hex')}\n`);
  for (const unit of masked) symlinkSync('/dev/null', join(root, 'etc/systemd/system', unit));
  inside(root, 'systemctl', 'enable', 'systemd-networkd', 'ssh');
  // Newer than /usr: no service of a first boot has anything to do (systemd-update-done.service(8)).
  for (const path of ['etc/.updated', 'var/.updated']) write(path, '');
  // As wherever cloud-init is: the network is waited for at each boot.
  inside(root, 'systemctl', 'add-wants', 'multi-user.target', 'network-online.target');
}

function inside(root: string, file: string, ...args: readonly string[]): void {
  const env = {PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C'};
  execFileSync('nice', ['-n', '10', '/usr/sbin/chroot', root, file, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
  });
}

function nice(file: string, args: readonly string[]): void {
  execFileSync('nice', ['-n', '10', file, ...args], {stdio: ['ignore', 'ignore', 'pipe']});
}
