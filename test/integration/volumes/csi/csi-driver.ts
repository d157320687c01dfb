/**
 * A CSI driver for tests, in a process of its own so that it can be killed: directories and loop devices that are
 * bound where the kubelet wants them. `node csi-driver.ts OPTIONS-AS-JSON`; prints one line when it serves.
 * Every call is a line of `<dir>/calls.jsonl`; `<dir>/control.json` says what goes wrong, and is read at each call.
 */
import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs';
import {createServer} from 'node:http2';
import {join} from 'node:path';
import {Code, ConnectError, type ConnectRouter, type HandlerContext} from '@connectrpc/connect';
import {connectNodeAdapter} from '@connectrpc/connect-node';
import {
  Identity,
  Node,
  NodeServiceCapability_RPC_Type as Rpc,
  VolumeUsage_Unit as Unit,
} from '../../../../src/edges/csi/gen/csi_pb.ts';
import {Registration} from '../../../../src/edges/plugin-registration/gen/pluginregistration_pb.ts';

export type DriverOptions = {
  readonly name: string;
  /** Its data, its log of calls, and what it is told to do. */
  readonly dir: string;
  readonly registrySocket: string;
  readonly socket: string;
  readonly capabilities: readonly (keyof typeof Rpc)[];
  readonly nodeId: string;
  readonly maxVolumes?: number;
  readonly topology?: Readonly<Record<string, string>>;
  readonly versions?: readonly string[];
};

/** `before`: nothing was done when it goes wrong; `after`: all was. */
export type Fault = {
  readonly how: 'fail' | 'hang' | 'die';
  readonly when: 'before' | 'after';
  readonly code?: keyof typeof Code;
};
export type Control = Readonly<Partial<Record<string, Fault>>>;

export type Call = {readonly method: string; readonly request: Record<string, unknown>};

const options: DriverOptions = JSON.parse(process.argv[2] ?? '{}');
const mounts = (): string[] =>
  fs
    .readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
const isMounted = (path: string): boolean => mounts().includes(path);

/** Bytes and 64-bit numbers as text. */
function plain(request: object): Record<string, unknown> {
  const text = JSON.stringify(request, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
  return JSON.parse(text);
}

async function answer<T>(
  method: string,
  request: object,
  context: HandlerContext,
  work: () => T,
): Promise<T> {
  fs.appendFileSync(
    join(options.dir, 'calls.jsonl'),
    `${JSON.stringify({method, request: plain(request)})}\n`,
  );
  const control: Control = JSON.parse(fs.readFileSync(join(options.dir, 'control.json'), 'utf8'));
  const fault = control[method];
  if (fault?.when === 'before') await goWrong(fault, context);
  const result = work();
  if (fault?.when === 'after') await goWrong(fault, context);
  return result;
}

async function goWrong({how, code = 'Internal'}: Fault, {signal}: HandlerContext): Promise<void> {
  if (how === 'die') process.kill(process.pid, 'SIGKILL');
  if (how === 'hang') await new Promise((resolve) => signal.addEventListener('abort', resolve));
  throw new ConnectError('told to fail', Code[code]);
}

const source = (handle: string): string => join(options.dir, 'volumes', handle);

/** The device of a block volume: a loop device over a file. */
function device(handle: string): string {
  const file = `${source(handle)}.img`;
  if (!fs.existsSync(file)) fs.closeSync(fs.openSync(file, 'w'));
  if (fs.statSync(file).size === 0) fs.truncateSync(file, 1 << 20);
  const known = losetup('-j', file).split(':')[0];
  return known || losetup('-f', '--show', file).trim();
}

const losetup = (...args: string[]): string => execFileSync('losetup', args, {encoding: 'utf8'});
const mount = (...args: string[]) => execFileSync('mount', args);

function bind(from: string, to: string, readOnly: boolean): void {
  if (isMounted(to)) return;
  mount('--bind', from, to);
  if (readOnly) mount('-o', 'remount,bind,ro', to);
}

function release(path: string): void {
  while (isMounted(path)) execFileSync('umount', [path], {stdio: 'pipe'});
}

type Publish = {volumeId: string; targetPath: string; stagingTargetPath: string; readonly: boolean};

function publish(request: Publish & {block: boolean}): void {
  const {volumeId, targetPath, stagingTargetPath, readonly: readOnly, block} = request;
  if (block) {
    if (!fs.existsSync(targetPath)) fs.writeFileSync(targetPath, '');
    bind(device(volumeId), targetPath, false);
    return;
  }
  fs.mkdirSync(targetPath, {recursive: true});
  fs.mkdirSync(source(volumeId), {recursive: true});
  const staged = stagingTargetPath !== '' && isMounted(stagingTargetPath);
  if (stagingTargetPath !== '' && !staged) throw new ConnectError('not staged', Code.FailedPrecondition);
  bind(staged ? stagingTargetPath : source(volumeId), targetPath, readOnly);
}

function routes(router: ConnectRouter): void {
  router.service(Identity, {
    getPluginInfo: () => ({name: options.name, vendorVersion: '1'}),
    probe: () => ({}),
  });
  router.service(Node, {
    nodeGetInfo: (request, context) =>
      answer('NodeGetInfo', request, context, () => ({
        nodeId: options.nodeId,
        maxVolumesPerNode: BigInt(options.maxVolumes ?? 0),
        accessibleTopology: {segments: {...options.topology}},
      })),
    nodeGetCapabilities: () => ({
      capabilities: options.capabilities.map((name) => ({
        type: {case: 'rpc' as const, value: {type: Rpc[name]}},
      })),
    }),
    nodeStageVolume: (request, context) =>
      answer('NodeStageVolume', request, context, () => {
        const block = request.volumeCapability?.accessType.case === 'block';
        if (block) device(request.volumeId);
        else {
          fs.mkdirSync(source(request.volumeId), {recursive: true});
          bind(source(request.volumeId), request.stagingTargetPath, false);
        }
        return {};
      }),
    nodeUnstageVolume: (request, context) =>
      answer('NodeUnstageVolume', request, context, () => {
        release(request.stagingTargetPath);
        const file = `${source(request.volumeId)}.img`;
        if (fs.existsSync(file))
          for (const line of losetup('-j', file).split('\n').filter(Boolean))
            losetup('-d', line.split(':')[0] ?? '');
        return {};
      }),
    nodePublishVolume: (request, context) =>
      answer('NodePublishVolume', request, context, () => {
        publish({...request, block: request.volumeCapability?.accessType.case === 'block'});
        return {};
      }),
    nodeUnpublishVolume: (request, context) =>
      answer('NodeUnpublishVolume', request, context, () => {
        release(request.targetPath);
        fs.rmSync(request.targetPath, {recursive: true, force: true});
        return {};
      }),
    nodeExpandVolume: (request, context) => answer('NodeExpandVolume', request, context, () => ({})),
    nodeGetVolumeStats: (request, context) =>
      answer('NodeGetVolumeStats', request, context, () => ({
        usage: [
          {unit: Unit.BYTES, total: 4096n, used: 1024n, available: 3072n},
          {unit: Unit.INODES, total: 64n, used: 4n, available: 60n},
        ],
      })),
  });
  router.service(Registration, {
    getInfo: () => ({
      type: 'CSIPlugin',
      name: options.name,
      endpoint: options.socket,
      supportedVersions: [...(options.versions ?? ['1.0.0'])],
    }),
    notifyRegistrationStatus: (request, context) =>
      answer('NotifyRegistrationStatus', request, context, () => ({})),
  });
}

async function listen(path: string): Promise<void> {
  fs.rmSync(path, {force: true});
  fs.mkdirSync(join(path, '..'), {recursive: true});
  const server = createServer(connectNodeAdapter({routes}));
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

fs.mkdirSync(join(options.dir, 'volumes'), {recursive: true});
if (!fs.existsSync(join(options.dir, 'control.json')))
  fs.writeFileSync(join(options.dir, 'control.json'), '{}');
await listen(options.socket);
await listen(options.registrySocket);
process.stdout.write('serving\n');
