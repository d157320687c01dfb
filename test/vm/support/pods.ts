/** Pods on the image that travels in nodectl, with volumes that need mounts and limits that the kernel must know. */
const image = 'nodectl.local/hello:1';
const command = ['sh', '-c', 'trap "exit 0" TERM; echo begins; while true; do sleep 3600 & wait $!; done'];

type Spec = Readonly<Record<string, unknown>>;

function pod(name: string, container: Spec, more: Spec = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {name, namespace: 'default', labels: {app: name}},
    spec: {...more, containers: [{name: 'main', image, command, ...container}]},
  };
}

export const settings = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {name: 'settings', namespace: 'default'},
  data: {a: '1\n'},
};

export const guaranteed = pod(
  'guaranteed',
  {
    resources: {limits: {cpu: '250m', memory: '64Mi'}},
    readinessProbe: {exec: {command: ['true']}, timeoutSeconds: 20, periodSeconds: 60},
    volumeMounts: [
      {name: 'settings', mountPath: '/settings'},
      {name: 'memory', mountPath: '/memory'},
      {name: 'token', mountPath: '/token'},
    ],
  },
  {
    securityContext: {fsGroup: 2000},
    volumes: [
      {name: 'settings', configMap: {name: 'settings'}},
      {name: 'memory', emptyDir: {medium: 'Memory'}},
      {
        name: 'token',
        projected: {
          sources: [
            {serviceAccountToken: {path: 'token'}},
            {downwardAPI: {items: [{path: 'namespace', fieldRef: {fieldPath: 'metadata.namespace'}}]}},
          ],
        },
      },
    ],
  },
);

export const burstable = pod('burstable', {
  resources: {requests: {cpu: '100m', memory: '32Mi'}, limits: {memory: '96Mi'}},
});

const some = {cpu: '100m', memory: '64Mi'};

/** One that may swap what it is not sure of, and one whose memory is its own. */
export const limited = {
  swapping: pod('swapping', {
    resources: {requests: {cpu: '100m', memory: '32Mi'}, limits: {memory: '96Mi'}},
  }),
  kept: pod('kept', {resources: {limits: some}}),
};

export const paged = pod(
  'paged',
  {
    resources: {limits: {...some, 'hugepages-2Mi': '4Mi'}},
    volumeMounts: [{name: 'pages', mountPath: '/pages'}],
  },
  {volumes: [{name: 'pages', emptyDir: {medium: 'HugePages'}}]},
);

/** Takes memory until the kernel ends it: a line that never ends is kept whole. */
export const greedy = pod(
  'greedy',
  {command: ['tail', '-n', '1', '/dev/zero'], resources: {limits: {memory: '24Mi'}}},
  {restartPolicy: 'Never'},
);

/** Forks until it may not; then one process of it stays, which needs no other. */
export const bomb = pod(
  'bomb',
  {
    command: [
      'sh',
      '-c',
      'sh -c "i=0; while [ \\$i -lt 500 ]; do sleep 3600 & i=\\$((i+1)); done"; exec sleep 3600',
    ],
  },
  {restartPolicy: 'Never', terminationGracePeriodSeconds: 1},
);

/** The image's own program answers over HTTP. */
export const web = pod('hello', {
  command: undefined,
  readinessProbe: {httpGet: {path: '/', port: 8080}, timeoutSeconds: 10},
});

export const webService = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {name: 'hello', namespace: 'default'},
  spec: {selector: {app: 'hello'}, ports: [{port: 80, targetPort: 8080}]},
};
