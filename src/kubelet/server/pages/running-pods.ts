import type {Cri} from '../../../edges/cri/client.ts';
import {PodSandboxState} from '../../../edges/cri/gen/api_pb.ts';

/** `/runningpods/`: what the runtime runs, as minimal pods, whatever the API thinks should run. */
export async function runningPods(cri: Cri): Promise<object> {
  const [{items}, {containers}] = await Promise.all([
    cri.runtime.listPodSandbox({filter: {state: {state: PodSandboxState.SANDBOX_READY}}}),
    cri.runtime.listContainers({}),
  ]);
  return {
    kind: 'PodList',
    apiVersion: 'v1',
    metadata: {},
    items: items.map(({id, metadata}) => ({
      metadata: {name: metadata?.name, namespace: metadata?.namespace, uid: metadata?.uid},
      spec: {
        containers: containers
          .filter(({podSandboxId}) => podSandboxId === id)
          .map(({metadata: container, image}) => ({
            name: container?.name,
            image: image?.image,
            resources: {},
          })),
      },
      status: {},
    })),
  };
}
