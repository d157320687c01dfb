import type {Fault, StatusNode} from '../node.ts';

const image = 'nodectl.local/hello:1';
const toml = '/etc/containerd/config.toml';

type Container = Readonly<Record<string, unknown>>;

export function pod(name: string, container: Container, spec: object = {}, metadata: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {name, namespace: 'default', ...metadata},
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: 'main', image, ...container}], ...spec},
  };
}

/** A fault that is one pod. */
function created(name: string, object: object): Pick<Fault, 'doIt' | 'undo'> {
  return {doIt: (node) => node.kube.create(object), undo: (node) => gone(node, name)};
}

export function gone(node: StatusNode, name: string): Promise<string> {
  return node.kube.text('delete', 'pod', name, '--now');
}

const shell = (script: string) => ({command: ['sh', '-c', script]});

export const podFaults: readonly Fault[] = [
  {
    name: 'an image does not exist',
    code: 'ND511',
    exit: 1,
    says: /default\/nope waits for its image.*describe pod nope/s,
    ...created('nope', pod('nope', {image: 'registry.invalid/nope:1'})),
  },
  {
    name: 'a container ends again and again',
    code: 'ND752',
    exit: 1,
    says: /default\/crash ends again and again.*logs --previous crash/s,
    ...created('crash', pod('crash', shell('exit 3'))),
  },
  {
    name: 'a ConfigMap of the environment is not there',
    code: 'ND751',
    exit: 1,
    says: /default\/noenv has not started.*CreateContainerConfigError.*gone/s,
    ...created('noenv', pod('noenv', {envFrom: [{configMapRef: {name: 'gone'}}]})),
  },
  {
    name: 'a ConfigMap of a volume is not there',
    code: 'ND756',
    exit: 1,
    says: /default\/novolume waits for a volume.*configmap "gone" not found/s,
    ...created(
      'novolume',
      pod(
        'novolume',
        {volumeMounts: [{name: 'c', mountPath: '/c'}]},
        {volumes: [{name: 'c', configMap: {name: 'gone'}}]},
      ),
    ),
  },
  {
    name: 'a readiness probe fails',
    code: 'ND755',
    exit: 1,
    says: /default\/unready is not ready.*Readiness probe failed/s,
    ...created(
      'unready',
      pod('unready', {readinessProbe: {tcpSocket: {port: 9}, periodSeconds: 1, failureThreshold: 1}}),
    ),
  },
  {
    name: 'the node refuses a pod',
    code: 'ND758',
    exit: 1,
    says: /the node refused default\/refused.*Pod was rejected/s,
    ...created('refused', pod('refused', {}, {nodeName: 'status', nodeSelector: {no: 'such'}})),
  },
  {
    name: 'a container needs more memory than it may have',
    code: 'ND754',
    exit: 1,
    says: /default\/greedy was ended for its memory.*its limit is 32Mi/s,
    ...created(
      'greedy',
      pod('greedy', {...shell('x=a; while :; do x=$x$x; done'), resources: {limits: {memory: '32Mi'}}}),
    ),
  },
  {
    name: 'a pod is held by a finalizer',
    code: 'ND753',
    exit: 1,
    says: /default\/held should have ended.*its finalizers: example\.com\/hold/s,
    async doIt(node) {
      await node.kube.create(pod('held', {}, {}, {finalizers: ['example.com/hold']}));
      await node.kube.text('delete', 'pod', 'held', '--now', '--wait=false');
    },
    undo: (node) => node.patch('pod', 'held', {metadata: {finalizers: null}}),
  },
];

/** Faults of the node that only a new pod meets. */
export const networklessPods: readonly Fault[] = [
  {
    name: 'no address is left for a pod',
    code: 'ND757',
    exit: 1,
    says: /default\/nonet gets no network.*no IP addresses\s+available/s,
    async doIt(node) {
      // Allocations that nobody gave back: host-local keeps a file for each.
      await node.sh(
        'cd /var/lib/nodectl/cni/nodectl; for n in $(seq 2 254); do [ -e 10.244.0.$n ] || echo fault >10.244.0.$n; done',
      );
      await node.kube.create(pod('nonet', {}));
    },
    async undo(node) {
      await node.sh('cd /var/lib/nodectl/cni/nodectl; grep -lx fault 10.244.0.* | xargs rm');
      await gone(node, 'nonet');
    },
  },
  {
    name: 'containerd is told of a pause image that does not exist',
    code: 'ND511',
    exit: 6,
    says: /no pod starts: the pause image\s+127\.0\.0\.1:1\/pause:9\s+cannot be had/,
    async doIt(node) {
      node.edit(toml, (text) => text.replace('nodectl.local/pause:1', '127.0.0.1:1/pause:9'));
      await node.restart('containerd');
      await node.kube.create(pod('nopause', {}));
    },
    async undo(node) {
      node.restore(toml);
      await node.restart('containerd');
      await gone(node, 'nopause');
    },
  },
  {
    name: 'runc is not installed any more',
    code: 'ND502',
    exit: 6,
    says: /no pod starts: runc is not installed.*apt-get install --reinstall runc/s,
    async doIt(node) {
      await node.run('mv', '/usr/sbin/runc', '/usr/sbin/runc.away');
      await node.kube.create(pod('norunc', {}));
    },
    async undo(node) {
      await node.run('mv', '/usr/sbin/runc.away', '/usr/sbin/runc');
      await gone(node, 'norunc');
    },
  },
];
