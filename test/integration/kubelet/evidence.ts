import {readFile} from 'node:fs/promises';
import type {KubeClient} from '../../../src/edges/kube/client.ts';
import type {Fields, Logger} from '../../../src/lib/log.ts';
import {events, pods} from '../../../src/lib/resources.ts';
import type {TestContainerd} from '../support/containerd.ts';

/** The kubelet's last words, for a test that failed. */
export class LogTail {
  readonly #lines: string[] = [];
  readonly #max = 400;

  logger(context: Fields = {}): Logger {
    const add = (level: string) => (message: string, fields?: Fields) => {
      const at = new Date().toISOString().slice(11, 23);
      this.#lines.push(`${at} ${level} ${message} ${JSON.stringify({...context, ...fields})}`);
      if (this.#lines.length > this.#max) this.#lines.shift();
    };
    return {
      debug: add('debug'),
      info: add('info'),
      warn: add('warn'),
      error: add('error'),
      with: (fields) => this.logger({...context, ...fields}),
    };
  }

  /** The last lines, those about `word` before all others. */
  about(word: string, count: number): string[] {
    const own = this.#lines.filter((line) => line.includes(word)).slice(-count);
    return own.length > 0 ? own : this.#lines.slice(-count);
  }
}

const lines = 25;

/** What is there of a pod: in the API, in its events, in the runtime, and in both logs. */
export async function evidence(
  client: KubeClient,
  containerd: TestContainerd,
  tail: LogTail,
  name: string,
): Promise<string> {
  const all = await client.list(pods, {});
  const pod = all.items.find(({metadata}) => metadata.name === name);
  const told = (await client.list(events, {})).items.filter(
    ({involvedObject}) => involvedObject.name === name,
  );
  const uid = pod?.metadata.uid ?? name;
  const log = (await readFile(`${containerd.dir}/containerd.log`, 'utf8').catch(() => '')).split('\n');
  return [
    `status: ${JSON.stringify(pod?.status) ?? 'no such pod'}`,
    ...told.map(({type, reason, message, count}) => `event: ${type} ${reason} x${count ?? 1}: ${message}`),
    ...(await inRuntime(containerd, name).catch((error: unknown) => [`the runtime: ${error}`])),
    ...tail.about(uid, lines).map((line) => `kubelet: ${line}`),
    ...log
      .filter((line) => line.includes(uid))
      .slice(-lines)
      .map((line) => `containerd: ${line.slice(0, 600)}`),
  ].join('\n');
}

async function inRuntime({cri}: TestContainerd, name: string): Promise<string[]> {
  const labelSelector = {'io.kubernetes.pod.name': name};
  const {items} = await cri.runtime.listPodSandbox({filter: {labelSelector}});
  const {containers} = await cri.runtime.listContainers({filter: {labelSelector}});
  return [
    ...items.map(({id, state, metadata}) => `sandbox ${id}: state ${state}, attempt ${metadata?.attempt}`),
    ...containers.map(({id, state, metadata, podSandboxId}) => {
      return `container ${id}: ${metadata?.name} state ${state}, attempt ${metadata?.attempt}, in ${podSandboxId}`;
    }),
  ];
}
