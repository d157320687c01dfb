import {helloImage} from '../../config/runtime/images.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {isNotFound} from '../../edges/kube/errors.ts';
import type {Reconciler} from '../../lib/control/reconcile.ts';
import type {Deployment, Draft, Service} from '../../lib/kubernetes.ts';
import {deployments, type Resource, services} from '../../lib/resources.ts';

/** The proof that the machine works: two replicas behind a Service, asked through its ClusterIP. */
const namespace = 'default';
const name = 'hello';
const labels = {app: name};
const replicas = 2;

export const helloDeployment: Draft<Deployment> = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {name, namespace, labels},
  spec: {
    replicas,
    selector: {matchLabels: labels},
    template: {
      metadata: {labels},
      spec: {
        containers: [
          {
            name,
            image: helloImage,
            imagePullPolicy: 'IfNotPresent',
            ports: [{name: 'http', containerPort: 8080}],
            readinessProbe: {httpGet: {path: '/', port: 'http'}, periodSeconds: 1},
          },
        ],
        terminationGracePeriodSeconds: 2,
      },
    },
  },
};

export const helloService: Draft<Service> = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {name, namespace, labels},
  spec: {selector: labels, ports: [{name: 'http', port: 80, targetPort: 'http', protocol: 'TCP'}]},
};

export type HelloSeen = {
  readonly deployment: Deployment | undefined;
  readonly service: Service | undefined;
  /** What came back through the ClusterIP; asked only once the replicas are available. */
  readonly answer: string | undefined;
};

export type HelloAct = {readonly kind: 'create-deployment'} | {readonly kind: 'create-service'};

export type HelloDeps = {
  readonly client: KubeClient;
  /** The body of a GET, or undefined when nothing answers in time. */
  readonly get: (url: string) => Promise<string | undefined>;
};

/** Settled once an HTTP request through the ClusterIP was answered. */
export function helloReconciler({client, get}: HelloDeps): Reconciler<HelloSeen, HelloAct> {
  return {
    async observe() {
      const [deployment, service] = await Promise.all([find(client, deployments), find(client, services)]);
      const ready = (deployment?.status?.availableReplicas ?? 0) >= replicas;
      const url = helloUrl(service);
      return {
        deployment,
        service,
        answer: ready && url !== undefined ? await get(url) : undefined,
      };
    },
    decide: decideHello,
    async apply(act) {
      if (act.kind === 'create-deployment') await client.create(deployments, helloDeployment, {namespace});
      else await client.create(services, helloService, {namespace});
    },
  };
}

export function decideHello(seen: HelloSeen): {acts: HelloAct[]; againInMs?: number} {
  const acts: HelloAct[] = [];
  if (seen.deployment === undefined) acts.push({kind: 'create-deployment'});
  if (seen.service === undefined) acts.push({kind: 'create-service'});
  return seen.answer === undefined ? {acts, againInMs: 150} : {acts};
}

/** Where its ClusterIP answers, once it has one. */
export function helloUrl(service: Service | undefined): string | undefined {
  const ip = service?.spec.clusterIP;
  if (ip === undefined) return undefined;
  return `http://${ip.includes(':') ? `[${ip}]` : ip}/`;
}

/** One line about what the proof still waits for. */
export function helloWaitsFor(seen: HelloSeen): string {
  const available = seen.deployment?.status?.availableReplicas ?? 0;
  return available < replicas
    ? `${available} of ${replicas} hello pods available`
    : `an answer from ${helloUrl(seen.service)}`;
}

async function find<T extends Deployment | Service>(
  client: KubeClient,
  resource: Resource<T>,
): Promise<T | undefined> {
  try {
    return await client.get(resource, {name, namespace});
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
