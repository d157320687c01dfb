import * as z from 'zod/mini';
import type {Container} from '../../../lib/kubernetes.ts';
import {containerAnnotations} from '../config/container-config.ts';
import type {RuntimeContainer} from './runtime-state.ts';

const port = z.union([z.number(), z.string()]);
const headers = z.array(z.object({name: z.string(), value: z._default(z.string(), '')}));
const handler = z.object({
  exec: z.optional(z.object({command: z.optional(z.array(z.string()))})),
  httpGet: z.optional(
    z.object({
      port,
      host: z.optional(z.string()),
      path: z.optional(z.string()),
      scheme: z.optional(z.string()),
      httpHeaders: z.optional(headers),
    }),
  ),
  sleep: z.optional(z.object({seconds: z.number()})),
});
const ports = z.array(z.object({containerPort: z.number(), name: z.optional(z.string())}));

/**
 * What a container of a pod that nobody knows any more is ended with: its hook, and the ports that the hook may name.
 * Its annotations tell, whichever kubelet wrote them (kuberuntime, restoreSpecsFromContainerLabels).
 */
export function restoredSpec({name, annotations}: RuntimeContainer): Container | undefined {
  const preStop = parsed(handler, annotations[containerAnnotations.preStopHandler]);
  if (preStop === undefined) return undefined;
  const known = parsed(ports, annotations[containerAnnotations.ports]);
  return {name, lifecycle: {preStop}, ...(known === undefined ? {} : {ports: known})};
}

function parsed<T>(schema: z.ZodMiniType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
