import {execFileSync, spawn} from 'node:child_process';
import {existsSync, mkdtempSync, openSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {primaryAddress} from '../../../src/edges/network/node-addresses.ts';
import {binary} from '../../integration/support/machine.ts';
import {until} from '../../integration/support/wait.ts';
import {freePort} from './port.ts';

/** A cluster that is not in the machine: the sandbox's control plane as a process of this one's. */
export type Outside = {
  readonly kubeconfig: string;
  /** As `kubeadm token create --print-join-command` prints it, without `kubeadm join`. */
  readonly words: readonly string[];
  /** What a proxy is to the cluster, as text. */
  readonly proxyKubeconfig: string;
  remove(): Promise<void>;
};

export async function startOutside(): Promise<Outside> {
  const root = mkdtempSync(join(tmpdir(), 'nodectl-vm-outside-'));
  const state = join(root, 'state/sandbox/state');
  const log = join(root, 'log');
  const [address, port] = [await primaryAddress(), await freePort()];
  const words = ['sandbox', 'serve', '--state-dir', state, '--address', address, '--port', String(port)];
  const server = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', binary, ...words, '--dns-port', String(await freePort())],
    {stdio: ['ignore', 'ignore', openSync(log, 'a')]},
  );
  const remove = async () => {
    server.kill('SIGKILL');
    await until('the control plane has ended', () => server.exitCode !== null || server.signalCode !== null);
    rmSync(root, {recursive: true, force: true});
  };
  const sandbox = (...args: readonly string[]) =>
    execFileSync(binary, ['sandbox', ...args, '--root', root], {encoding: 'utf8'});
  try {
    await until('the control plane serves', () => readFileSync(log, 'utf8').includes('"serving"'), {
      timeoutMs: 120_000,
      instead: () => readFileSync(log, 'utf8'),
    });
    const printed = sandbox('token').trim().split(/\s+/);
    return {
      kubeconfig: join(state, 'admin.conf'),
      words: printed.slice(printed.indexOf('join') + 1),
      proxyKubeconfig: sandbox('kubeconfig', '--proxy'),
      remove,
    };
  } catch (error) {
    const said = existsSync(log) ? readFileSync(log, 'utf8').slice(-2000) : '';
    await remove();
    throw new Error(`no control plane\n${said}`, {cause: error});
  }
}
