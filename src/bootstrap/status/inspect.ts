import {type JsonValue, toJson} from '@bufbuild/protobuf';
import type {Cri} from '../../edges/cri/client.ts';
import {ContainerStatusSchema, PodSandboxStatusSchema} from '../../edges/cri/gen/api_pb.ts';
import {redactValue} from '../../lib/text/redact.ts';
import {findPod} from './runtime-view.ts';

type Inspection = {readonly pod?: unknown; readonly containers: readonly unknown[]};

/** The runtime's own words about a pod and its containers, or about one of them; secrets are taken out. */
export async function inspectPod(
  cri: Cri,
  word: string,
  name: string | undefined,
  namespace: string | undefined,
): Promise<Inspection> {
  const {pod, container} = await findPod(cri, word, name, namespace);
  const options = {timeoutMs: 10_000};
  const one = name !== undefined || container?.id.startsWith(word) === true;
  const chosen = one && container !== undefined ? [container] : pod.containers;
  const containers = await Promise.all(
    chosen.map(async ({id}) => {
      const {status, info} = await cri.runtime.containerStatus({containerId: id, verbose: true}, options);
      return {
        ...(status === undefined ? {} : {status: withTimes(toJson(ContainerStatusSchema, status))}),
        ...details(info),
      };
    }),
  );
  if (one) return {containers: containers.map((found) => redactValue(found))};
  const {status, info} = await cri.runtime.podSandboxStatus({podSandboxId: pod.id, verbose: true}, options);
  const sandbox = {
    ...(status === undefined ? {} : {status: withTimes(toJson(PodSandboxStatusSchema, status))}),
    ...details(info),
  };
  return {pod: redactValue(sandbox), containers: containers.map((found) => redactValue(found))};
}

/** Nanoseconds, which CRI counts in, as RFC 3339; of what has not happened it says nothing. */
export function withTimes(status: JsonValue): JsonValue {
  if (typeof status !== 'object' || status === null || Array.isArray(status)) return status;
  return Object.fromEntries(
    Object.entries(status).map(([key, value]) => [
      key,
      /^(created|started|finished)At$/.test(key) && typeof value === 'string'
        ? new Date(Number(BigInt(value) / 1_000_000n)).toISOString()
        : value,
    ]),
  );
}

/** Runtimes tell more as JSON in a map of texts. */
function details(info: Readonly<Record<string, string>>): {info: Record<string, unknown>} {
  const entries = Object.entries(info).map(([key, text]): [string, unknown] => {
    try {
      return [key, JSON.parse(text)];
    } catch {
      return [key, text];
    }
  });
  return {info: Object.fromEntries(entries)};
}
