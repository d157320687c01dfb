import {exhaustedError, type GrpcServer, serveGrpc, unknownError} from '../http/grpc-server.ts';
import {PodResourcesLister} from './gen/podresources_pb.ts';
import {PodResourcesLister as AlphaLister} from './gen/podresources_v1alpha1_pb.ts';

export type ContainerDevicesAnswer = {
  readonly resourceName: string;
  readonly deviceIds: readonly string[];
  readonly nodes: readonly number[];
};

export type ContainerMemoryAnswer = {
  readonly memoryType: string;
  readonly size: number;
  readonly nodes: readonly number[];
};

/** A ResourceClaim, and the devices that its drivers have prepared. */
export type ClaimAnswer = {
  readonly name: string;
  readonly namespace: string;
  readonly resources: readonly {
    readonly driver: string;
    readonly pool: string;
    readonly device: string;
    readonly shareId?: string;
    readonly cdiDevices: readonly string[];
  }[];
};

type Resources = {
  readonly devices: readonly ContainerDevicesAnswer[];
  readonly cpuIds: readonly number[];
  readonly memory: readonly ContainerMemoryAnswer[];
};

export type AllocatableAnswer = Resources;

export type PodAnswer = {
  readonly name: string;
  readonly namespace: string;
  readonly containers: readonly (Resources & {
    readonly name: string;
    readonly claims: readonly ClaimAnswer[];
  })[];
};

/** v1alpha1 knows devices of what is not an init container, and nothing else. */
export type AlphaPodAnswer = {
  readonly name: string;
  readonly namespace: string;
  readonly containers: readonly {
    readonly name: string;
    readonly devices: readonly Omit<ContainerDevicesAnswer, 'nodes'>[];
  }[];
};

export type PodResources = {
  list(): readonly PodAnswer[];
  listAlpha(): readonly AlphaPodAnswer[];
  /** Undefined where there is no such pod. */
  get(namespace: string, name: string): PodAnswer | undefined;
  allocatable(): AllocatableAnswer;
  /** False: the client has to wait. */
  mayAsk(): boolean;
};

/** The podresources API for monitors of devices: v1, and v1alpha1 which exporters for GPUs still speak. */
export function servePodResources(path: string, resources: PodResources): Promise<GrpcServer> {
  const asked = <T>(answer: () => T): T => {
    if (!resources.mayAsk()) throw exhaustedError('rejected by rate limit');
    return answer();
  };
  return serveGrpc(path, (router) => {
    router.service(AlphaLister, {
      list: () => asked(() => ({podResources: resources.listAlpha().map(alphaMessage)})),
    });
    router.service(PodResourcesLister, {
      list: () => asked(() => ({podResources: resources.list().map(podMessage)})),
      getAllocatableResources: () => asked(() => message(resources.allocatable())),
      get: ({podNamespace, podName}) =>
        asked(() => {
          const pod = resources.get(podNamespace, podName);
          if (pod === undefined) throw unknownError(`pod ${podName} in namespace ${podNamespace} not found`);
          return {podResources: podMessage(pod)};
        }),
    });
  });
}

function alphaMessage({name, namespace, containers}: AlphaPodAnswer) {
  return {
    name,
    namespace,
    containers: containers.map((container) => ({
      name: container.name,
      devices: container.devices.map(({resourceName, deviceIds}) => ({
        resourceName,
        deviceIds: [...deviceIds],
      })),
    })),
  };
}

function podMessage({name, namespace, containers}: PodAnswer) {
  return {
    name,
    namespace,
    containers: containers.map((container) => ({
      name: container.name,
      ...message(container),
      dynamicResources: container.claims.map(claimMessage),
    })),
  };
}

function claimMessage({name, namespace, resources}: ClaimAnswer) {
  return {
    claimName: name,
    claimNamespace: namespace,
    claimResources: resources.map(({driver, pool, device, shareId, cdiDevices}) => ({
      driverName: driver,
      poolName: pool,
      deviceName: device,
      cdiDevices: cdiDevices.map((cdi) => ({name: cdi})),
      ...(shareId === undefined ? {} : {shareId}),
    })),
  };
}

function message({devices, cpuIds, memory}: Resources) {
  return {
    devices: devices.map(({resourceName, deviceIds, nodes}) => ({
      resourceName,
      deviceIds: [...deviceIds],
      ...topology(nodes),
    })),
    cpuIds: cpuIds.map(BigInt),
    memory: memory.map(({memoryType, size, nodes}) => ({memoryType, size: BigInt(size), ...topology(nodes)})),
  };
}

function topology(nodes: readonly number[]) {
  return nodes.length === 0 ? {} : {topology: {nodes: nodes.map((node) => ({ID: BigInt(node)}))}};
}
