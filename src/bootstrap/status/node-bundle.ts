import {basename} from 'node:path';
import {parse} from 'yaml';
import {verdictOf} from '../../checks/node/verdict.ts';
import {kubeletPaths} from '../../config/kubelet-files.ts';
import {kubernetesVersion} from '../../config/version.ts';
import {listPods, withCri} from '../../edges/cri/listing.ts';
import {listDirectory, readText, writeAtomic} from '../../edges/files/files.ts';
import {type Machine, observeMachine} from '../../edges/machine/machine.ts';
import {packetFilterText} from '../../edges/nftables/packet-filter-text.ts';
import {describeError} from '../../lib/errors.ts';
import {redactText, redactValue} from '../../lib/text/redact.ts';
import {type TarFile, tar} from '../../lib/text/tar.ts';
import {readKubeletEndpoint} from './kubelet-endpoint.ts';
import {joinedBy, lookAtNode, nodeDaemons, type StatusOptions} from './status.ts';

type Input = Omit<StatusOptions, 'wanted'>;
type Part = () => Promise<readonly TarFile[]>;

const logLines = 500;

/** Writes the archive; each part that cannot be had is a file that says why. Answers with the names in it. */
export async function writeNodeBundle(path: string, input: Input): Promise<readonly string[]> {
  const machine = await observeMachine();
  const parts: Readonly<Record<string, Part>> = {
    'versions.json': async () => [json('versions.json', versions(machine))],
    'status.json': () => status(input),
    configuration: () => configuration(input),
    'journal.json': () => journal(input),
    daemons: () => daemons(input, machine),
    'rules.txt': async () => [text('rules.txt', await packetFilterText(input.signal))],
    'runtime.json': () => runtime(input),
  };
  const files = await Promise.all(
    Object.entries(parts).map(async ([name, part]) =>
      part().catch((error: unknown) => [text(`${basename(name)}.error.txt`, describeError(error))]),
    ),
  );
  const all = files.flat();
  await writeAtomic(path, tar(all, Date.now() / 1000));
  return all.map(({name}) => name);
}

function versions({distribution, kernel, arch, cgroup, systemd}: Machine): object {
  return {
    kubernetes: kubernetesVersion,
    node: process.version,
    kernel,
    arch,
    distribution: distribution.name,
    cgroup,
    systemd,
  };
}

async function status(input: Input): Promise<TarFile[]> {
  const report = await lookAtNode({...input, wanted: () => true});
  return [json('status.json', {...verdictOf(report.checks), ...report})];
}

/** Structured files by the types of their fields; kubeconfigs only by name, as all of them is credentials. */
async function configuration({options}: Input): Promise<TarFile[]> {
  const {config, instanceConfig, flags, kubeconfig} = kubeletPaths(options);
  const {containerdConfig, cniConfDir, stateDir} = options.layout;
  const cni = (await listDirectory(cniConfDir)).map((name) => `${cniConfDir}/${name}`);
  const structured = [config, instanceConfig, `${stateDir}/proxy/config.yaml`, ...cni];
  const plain = [flags, containerdConfig, '/etc/resolv.conf', '/proc/mounts', '/proc/meminfo'];
  const there = (await readText(kubeconfig)) === undefined ? 'missing' : 'there; not copied';
  return [
    text('configuration/kubeconfig.txt', `${kubeconfig}: ${there}`),
    ...(await Promise.all(structured.map(async (path) => structuredFile(path, await readText(path))))).flat(),
    ...(await Promise.all(plain.map(async (path) => textFile(path, await readText(path))))).flat(),
  ];
}

function structuredFile(path: string, content: string | undefined): TarFile[] {
  if (content === undefined) return [];
  try {
    return [json(`configuration/${basename(path)}.json`, parse(content))];
  } catch (error) {
    return [text(`configuration/${basename(path)}.txt`, `${describeError(error)}\n${content}`)];
  }
}

function textFile(path: string, content: string | undefined): TarFile[] {
  return content === undefined ? [] : [text(`configuration/${basename(path)}.txt`, content)];
}

/** Entries only: what files held before may be anybody's secret. */
async function journal({options}: Input): Promise<TarFile[]> {
  const dir = `${options.layout.stateDir}/journal`;
  const names = (await listDirectory(dir)).filter((name) => name.endsWith('.json'));
  const entries = await Promise.all(names.map((name) => readText(`${dir}/${name}`)));
  return [
    json(
      'journal.json',
      entries.map((entry): unknown => JSON.parse(entry ?? 'null')),
    ),
  ];
}

async function daemons(input: Input, machine: Machine): Promise<TarFile[]> {
  const all = await nodeDaemons(input, machine, await joinedBy(input.options));
  const files = await Promise.all(
    Object.entries(all).map(async ([daemon, {manager, name}]): Promise<TarFile[]> => {
      const state = await manager.status(name);
      if (!state.installed && state.unusable === undefined) return [];
      const lines = await manager.log(name, logLines).catch((error: unknown) => [describeError(error)]);
      return [json(`daemons/${daemon}.json`, state), text(`logs/${name}.log`, lines.join('\n'))];
    }),
  );
  return files.flat();
}

async function runtime({options}: Input): Promise<TarFile[]> {
  const socket = await readKubeletEndpoint(options);
  return [json('runtime.json', await withCri(socket, listPods))];
}

function json(name: string, value: unknown): TarFile {
  return {name, content: `${JSON.stringify(redactValue(value), null, 2)}\n`};
}

function text(name: string, content: string): TarFile {
  return {name, content: `${redactText(content)}\n`};
}
