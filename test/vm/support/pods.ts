/** A Guaranteed and a Burstable pod on the image that travels in nodectl, with volumes that need mounts. */
const image = 'nodectl.local/hello:1';
const command = ['sh', '-c', 'trap "exit 0" TERM; echo begins; while true; do sleep 3600 & wait $!; done'];

export const settings = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {name: 'settings', namespace: 'default'},
  data: {a: '1\n'},
};

export const guaranteed = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {name: 'guaranteed', namespace: 'default'},
  spec: {
    securityContext: {fsGroup: 2000},
    containers: [
      {
        name: 'main',
        image,
        command,
        resources: {limits: {cpu: '250m', memory: '64Mi'}},
        readinessProbe: {exec: {command: ['true']}, timeoutSeconds: 20, periodSeconds: 60},
        volumeMounts: [
          {name: 'settings', mountPath: '/settings'},
          {name: 'memory', mountPath: '/memory'},
          {name: 'token', mountPath: '/token'},
        ],
      },
    ],
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
};

export const burstable = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {name: 'burstable', namespace: 'default'},
  spec: {
    containers: [
      {
        name: 'main',
        image,
        command,
        resources: {requests: {cpu: '100m', memory: '32Mi'}, limits: {memory: '96Mi'}},
      },
    ],
  },
};
