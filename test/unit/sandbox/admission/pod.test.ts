import {describe, expect, it} from 'vitest';
import type {Pod, PodSpec} from '../../../../src/lib/kubernetes.ts';
import {namespaces, pods, runtimeClasses, serviceAccounts} from '../../../../src/lib/resources.ts';
import {refusal, world} from './world.ts';

type Mutable = PodSpec & {containers: [PodSpec['containers'][number], ...PodSpec['containers']]};

const spec = (): Mutable => ({containers: [{name: 'c', image: 'nginx:1.27'}]});
const pod = (change: (spec: Mutable) => void = () => undefined) => {
  const made = spec();
  change(made);
  return {metadata: {name: 'p'}, spec: made};
};
const labelText = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'";

describe('a pod that is created', () => {
  it('gets every default that its readers rely on', () => {
    const stored = world().write(
      pods,
      pod((s) => {
        s.containers[0] = {
          name: 'c',
          image: 'registry:5000/app',
          ports: [{containerPort: 80}],
          env: [{name: 'IP', valueFrom: {fieldRef: {fieldPath: 'status.podIP'}}}],
          resources: {limits: {cpu: '1', memory: '1Gi'}},
          livenessProbe: {httpGet: {port: 80}},
        };
        s.volumes = [
          {name: 'e'},
          {name: 's', secret: {secretName: 'x'}},
          {name: 'h', hostPath: {path: '/x'}},
        ];
      }),
    );
    expect(stored).toMatchObject({
      spec: {
        restartPolicy: 'Always',
        dnsPolicy: 'ClusterFirst',
        terminationGracePeriodSeconds: 30,
        schedulerName: 'default-scheduler',
        securityContext: {},
        enableServiceLinks: true,
        preemptionPolicy: 'PreemptLowerPriority',
        priority: 0,
        serviceAccountName: 'default',
        serviceAccount: 'default',
        tolerations: [
          {
            key: 'node.kubernetes.io/not-ready',
            operator: 'Exists',
            effect: 'NoExecute',
            tolerationSeconds: 300,
          },
          {
            key: 'node.kubernetes.io/unreachable',
            operator: 'Exists',
            effect: 'NoExecute',
            tolerationSeconds: 300,
          },
        ],
        containers: [
          {
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            ports: [{containerPort: 80, protocol: 'TCP'}],
            env: [{valueFrom: {fieldRef: {apiVersion: 'v1'}}}],
            resources: {limits: {cpu: '1', memory: '1Gi'}, requests: {cpu: '1', memory: '1Gi'}},
            livenessProbe: {
              httpGet: {path: '/', scheme: 'HTTP', port: 80},
              timeoutSeconds: 1,
              periodSeconds: 10,
              successThreshold: 1,
              failureThreshold: 3,
            },
            volumeMounts: [{mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true}],
          },
        ],
        volumes: [
          {name: 'e', emptyDir: {}},
          {name: 's', secret: {defaultMode: 420}},
          {name: 'h', hostPath: {path: '/x', type: ''}},
          {
            name: expect.stringMatching(/^kube-api-access-[a-z0-9]{5}$/),
            projected: {
              defaultMode: 420,
              sources: [
                {serviceAccountToken: {expirationSeconds: 3607, path: 'token'}},
                {configMap: {name: 'kube-root-ca.crt'}},
                {downwardAPI: {}},
              ],
            },
          },
        ],
      },
      status: {phase: 'Pending', qosClass: 'Guaranteed'},
    });
  });

  it.each<[string, (s: Mutable) => void, string]>([
    ['no tag', (s) => (s.containers[0].image = 'nginx'), 'Always'],
    ['latest', (s) => (s.containers[0].image = 'host:5000/a/nginx:latest'), 'Always'],
    ['a tag', (s) => (s.containers[0].image = 'host:5000/nginx:1'), 'IfNotPresent'],
    ['a digest', (s) => (s.containers[0].image = `nginx@sha256:${'a'.repeat(64)}`), 'IfNotPresent'],
    ['a port and no tag', (s) => (s.containers[0].image = 'host:5000/nginx'), 'Always'],
  ])('pulls an image with %s as Kubernetes does', (_, change, policy) =>
    expect(world().write(pods, pod(change))).toMatchObject({spec: {containers: [{imagePullPolicy: policy}]}}),
  );

  it.each<[string, PodSpec['containers'][number]['resources'], string]>([
    ['nothing', undefined, 'BestEffort'],
    ['only requests', {requests: {cpu: '1'}}, 'Burstable'],
    [
      'equal requests and limits',
      {requests: {cpu: '1', memory: '1Gi'}, limits: {cpu: '1000m', memory: '1024Mi'}},
      'Guaranteed',
    ],
    ['a limit for cpu alone', {limits: {cpu: '1'}}, 'Burstable'],
    ['only other resources', {requests: {'ephemeral-storage': '1Gi'}}, 'BestEffort'],
    ['zero', {requests: {cpu: '0'}}, 'BestEffort'],
  ])('with %s has its quality of service', (_, resources, qosClass) =>
    expect(
      world().write(
        pods,
        pod((s) => (s.containers[0].resources = resources)),
      ),
    ).toMatchObject({status: {qosClass}}),
  );

  it('on the host network has host ports', () =>
    expect(
      world().write(
        pods,
        pod((s) =>
          Object.assign(s, {
            hostNetwork: true,
            containers: [{name: 'c', image: 'x', ports: [{containerPort: 80}]}],
          }),
        ),
      ),
    ).toMatchObject({spec: {containers: [{ports: [{hostPort: 80}]}]}}));

  it('takes pull secrets and the wish not to mount from its account', () => {
    const w = world();
    w.put(serviceAccounts, {
      metadata: {name: 'sa', namespace: 'default', uid: 'u', resourceVersion: '1'},
      ...{imagePullSecrets: [{name: 'pull'}], automountServiceAccountToken: false},
    });
    const stored = w.write(
      pods,
      pod((s) => (s.serviceAccountName = 'sa')),
    );
    expect(stored).toMatchObject({spec: {imagePullSecrets: [{name: 'pull'}]}});
    expect(stored).not.toHaveProperty('spec.volumes');
  });

  it('turns a class into a priority', () => {
    expect(
      world().write(
        pods,
        pod((s) => (s.priorityClassName = 'system-node-critical')),
      ),
    ).toMatchObject({spec: {priority: 2_000_001_000}});
    expect(
      refusal(() =>
        world().write(
          pods,
          pod((s) => (s.priorityClassName = 'nope')),
        ),
      ),
    ).toBe('pods "p" is forbidden: no PriorityClass with name nope was found');
    expect(
      refusal(() =>
        world().write(
          pods,
          pod((s) => (s.priority = 5)),
        ),
      ),
    ).toContain('the integer value of priority (5) must not be provided in pod spec');
  });

  it('takes what its runtime class costs and asks for', () => {
    const w = world();
    const overhead = {podFixed: {cpu: '100m'}};
    const scheduling = {nodeSelector: {vm: 'yes'}, tolerations: [{key: 'vm', operator: 'Exists'}]};
    w.put(runtimeClasses, {
      metadata: {name: 'vm', uid: 'u', resourceVersion: '1'},
      ...{handler: 'vm', overhead, scheduling},
    });
    const stored = w.write(
      pods,
      pod((s) => Object.assign(s, {runtimeClassName: 'vm'})),
    );
    expect(stored).toMatchObject({spec: {overhead: {cpu: '100m'}, nodeSelector: {vm: 'yes'}}});
    expect(stored).toMatchObject({
      spec: {tolerations: expect.arrayContaining([{key: 'vm', operator: 'Exists'}])},
    });
    const unknown = () =>
      world().write(
        pods,
        pod((s) => Object.assign(s, {runtimeClassName: 'vm'})),
      );
    expect(refusal(unknown)).toBe('pods "p" is forbidden: pod rejected: RuntimeClass "vm" not found');
  });

  it('keeps the tolerations that it names itself', () => {
    const stored = world().write(
      pods,
      pod((s) => (s.tolerations = [{operator: 'Exists'}])),
    );
    expect(stored).toMatchObject({spec: {tolerations: [{operator: 'Exists'}]}});
  });

  it('needs a namespace that stays and an account that exists', () => {
    const w = world();
    expect(
      refusal(() =>
        w.write(
          pods,
          pod((s) => (s.serviceAccountName = 'nope')),
        ),
      ),
    ).toBe(
      'pods "p" is forbidden: error looking up service account default/nope: serviceaccount "nope" not found',
    );
    w.put(namespaces, {
      metadata: {name: 'default', uid: 'u', resourceVersion: '1', deletionTimestamp: '2026-01-01T00:00:00Z'},
    });
    expect(refusal(() => w.write(pods, pod()))).toBe(
      'pods "p" is forbidden: unable to create new content in namespace default because it is being terminated',
    );
  });

  it.each<[string, (s: Mutable) => void, string]>([
    ['no containers', (s) => Object.assign(s, {containers: []}), 'spec.containers: Required value'],
    ['no image', (s) => delete s.containers[0].image, 'spec.containers[0].image: Required value'],
    [
      'a bad name',
      (s) => (s.containers[0].name = 'No_Good'),
      `spec.containers[0].name: Invalid value: "No_Good": ${labelText}`,
    ],
    [
      'the same name twice',
      (s) => s.containers.push({name: 'c', image: 'y'}),
      'spec.containers[1].name: Duplicate value: "c"',
    ],
    [
      'an init container with that name',
      (s) => (s.initContainers = [{name: 'c', image: 'y'}]),
      'spec.initContainers[0].name: Duplicate value: "c"',
    ],
    [
      'a port too high',
      (s) => (s.containers[0].ports = [{containerPort: 70_000}]),
      'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [
      'a bad protocol',
      (s) => (s.containers[0].ports = [{containerPort: 7, protocol: 'HTTP'}]),
      'spec.containers[0].ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      'an unknown volume',
      (s) => (s.containers[0].volumeMounts = [{name: 'v', mountPath: '/v'}]),
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ],
    [
      'a place mounted twice',
      (s) =>
        Object.assign(s, {
          volumes: [{name: 'v', emptyDir: {}}],
          containers: [
            {
              name: 'c',
              image: 'x',
              volumeMounts: [
                {name: 'v', mountPath: '/v'},
                {name: 'v', mountPath: '/v'},
              ],
            },
          ],
        }),
      'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/v": must be unique',
    ],
    [
      'two sources',
      (s) => (s.volumes = [{name: 'v', emptyDir: {}, hostPath: {path: '/'}}]),
      'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
    ],
    [
      'a restart policy',
      (s) => (s.restartPolicy = 'Sometimes'),
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    ],
    [
      'requests above limits',
      (s) => (s.containers[0].resources = {requests: {cpu: '2'}, limits: {cpu: '1'}}),
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
    [
      'two handlers',
      (s) => (s.containers[0].readinessProbe = {exec: {command: ['x']}, tcpSocket: {port: 1}}),
      'spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
    ],
    [
      'no handler',
      (s) => (s.containers[0].readinessProbe = {}),
      'spec.containers[0].readinessProbe: Required value: must specify a handler type',
    ],
    [
      'patience in liveness',
      (s) => (s.containers[0].livenessProbe = {successThreshold: 2, exec: {command: ['x']}}),
      'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
    ],
    [
      'both values',
      (s) =>
        (s.containers[0].env = [
          {name: 'A', value: 'x', valueFrom: {fieldRef: {fieldPath: 'metadata.name'}}},
        ]),
      'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ],
    [
      'seconds without NoExecute',
      (s) => (s.tolerations = [{key: 'a', operator: 'Exists', tolerationSeconds: 3}]),
      'spec.tolerations[0].effect: Invalid value: "": effect must be \'NoExecute\' when `tolerationSeconds` is set',
    ],
    [
      'a probe of an init container',
      (s) => (s.initContainers = [{name: 'i', image: 'x', readinessProbe: {exec: {command: ['x']}}}]),
      'spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
    [
      'ephemeral containers',
      (s) => (s.ephemeralContainers = [{name: 'e', image: 'x'}]),
      'spec.ephemeralContainers: Forbidden: cannot be set on create',
    ],
    [
      'no name server',
      (s) => (s.dnsPolicy = 'None'),
      'spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None',
    ],
    [
      'a negative deadline',
      (s) => (s.activeDeadlineSeconds = 0),
      'spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
    ],
    [
      'an unreadable quantity',
      (s) => (s.containers[0].resources = {limits: {cpu: 'lots'}}),
      'spec.containers[0].resources.limits[cpu]: Invalid value: "lots"',
    ],
  ])('is refused for %s', (_, change, message) => {
    const said = refusal(() => world().write(pods, pod(change)));
    expect(said).toContain('Pod "p" is invalid: ');
    expect(said).toContain(message);
  });
});

describe('a pod that is changed', () => {
  const stored = (): Pod =>
    JSON.parse(
      JSON.stringify(
        world().write(
          pods,
          pod((s) => (s.activeDeadlineSeconds = 60)),
        ),
      ),
    );

  it.each<[string, (p: Pod) => void, string]>([
    ['nothing', () => undefined, 'was accepted'],
    ['its image', (p) => Object.assign(p.spec.containers[0] ?? {}, {image: 'other:2'}), 'was accepted'],
    ['a shorter deadline', (p) => (p.spec.activeDeadlineSeconds = 30), 'was accepted'],
    ['another toleration', (p) => p.spec.tolerations?.push({key: 'a', operator: 'Exists'}), 'was accepted'],
    ['labels', (p) => (p.metadata.labels = {a: 'b'}), 'was accepted'],
    [
      'a longer deadline',
      (p) => (p.spec.activeDeadlineSeconds = 90),
      'must be less than or equal to previous value',
    ],
    [
      'its command',
      (p) => Object.assign(p.spec.containers[0] ?? {}, {command: ['x']}),
      'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`',
    ],
    [
      'its node',
      (p) => (p.spec.nodeName = 'n'),
      'spec: Forbidden: pod updates may not change fields other than',
    ],
    [
      'one container more',
      (p) => p.spec.containers.push({name: 'd', image: 'x'}),
      'spec.containers: Forbidden: pod updates may not add or remove containers',
    ],
    [
      'one toleration less',
      (p) => (p.spec.tolerations = []),
      'existing toleration can not be modified except its tolerationSeconds',
    ],
    [
      'a label that is none',
      (p) => (p.metadata.labels = {'a b': 'c'}),
      'metadata.labels: Invalid value: "a b": name part must consist of alphanumeric characters',
    ],
  ])('by %s is answered as Kubernetes answers', (_, change, message) => {
    const before = stored();
    const now = structuredClone(before);
    change(now);
    expect(refusal(() => world().write(pods, now, before))).toContain(message);
  });

  it('gets ephemeral containers by their subresource only, and keeps them', () => {
    const before = stored();
    const now = structuredClone(before);
    now.spec.ephemeralContainers = [{name: 'debug', image: 'busybox', targetContainerName: 'c'}];
    const after = world().write(pods, now, before, 'ephemeralcontainers');
    expect(after).toMatchObject({spec: {ephemeralContainers: [{name: 'debug', imagePullPolicy: 'Always'}]}});
    const gone = structuredClone(now);
    gone.spec.ephemeralContainers = [];
    expect(refusal(() => world().write(pods, gone, now, 'ephemeralcontainers'))).toContain(
      'may not be removed',
    );
    expect(refusal(() => world().write(pods, now, before))).toContain('spec: Forbidden');
  });

  it('is resized within its class', () => {
    const before: Pod = JSON.parse(
      JSON.stringify(
        world().write(
          pods,
          pod((s) => (s.containers[0].resources = {requests: {cpu: '1'}})),
        ),
      ),
    );
    const resized = (requests: Record<string, string>) => {
      const now = structuredClone(before);
      const [container] = now.spec.containers;
      if (container) container.resources = {requests};
      return refusal(() => world().write(pods, now, before, 'resize'));
    };
    expect(resized({cpu: '2'})).toBe('was accepted');
    expect(resized({})).toContain('Pod QOS Class may not change as a result of resizing');
  });

  const resources = {requests: {cpu: '1', memory: '1Gi'}};
  type Change = (now: Pod) => void;
  const first =
    (change: (container: Pod['spec']['containers'][number]) => void): Change =>
    ({spec: {containers}}) => {
      for (const container of containers.slice(0, 1)) change(container);
    };
  it.each<[string, Change, string]>([
    ['its cpu', first((c) => (c.resources = {requests: {cpu: '2', memory: '1Gi'}})), 'was accepted'],
    ['more kinds', first((c) => (c.resources = {...resources, limits: {cpu: '3'}})), 'was accepted'],
    [
      'pod-level resources',
      ({spec}) => (spec.resources = {requests: {cpu: '4', memory: '2Gi'}}),
      'was accepted',
    ],
    [
      'fewer kinds',
      first((c) => (c.resources = {requests: {cpu: '1'}})),
      'resource requests cannot be removed',
    ],
    [
      'other kinds',
      first((c) => (c.resources = {requests: {...resources.requests, 'ephemeral-storage': '1Gi'}})),
      'only cpu and memory resources are mutable',
    ],
    [
      'its resize policy',
      first((c) => (c.resizePolicy = [{resourceName: 'cpu', restartPolicy: 'RestartContainer'}])),
      'only cpu and memory resources are mutable',
    ],
    ['its image', first((c) => (c.image = 'other')), 'only cpu and memory resources are mutable'],
    ['its node', ({spec}) => (spec.nodeName = 'other'), 'only cpu and memory resources are mutable'],
    [
      'another order',
      ({spec}) => spec.containers.reverse(),
      'containers may not be renamed or reordered on resize',
    ],
    [
      'one container less',
      ({spec}) => spec.containers.pop(),
      'containers may not be added or removed on resize',
    ],
    [
      'more than its limit',
      first((c) => (c.resources = {requests: {cpu: '2', memory: '1Gi'}, limits: {cpu: '1'}})),
      'must be less than or equal to cpu limit',
    ],
  ])('is resized: %s', (_what, change, answer) => {
    const draft = pod((s) => {
      for (const container of s.containers) container.resources = structuredClone(resources);
      s.containers.push({name: 'second', image: 'i'});
    });
    const before: Pod = JSON.parse(JSON.stringify(world().write(pods, draft)));
    const now = structuredClone(before);
    change(now);
    expect(refusal(() => world().write(pods, now, before, 'resize'))).toContain(answer);
  });

  /** core/validation_test.go, TestValidateContainerStateTransition, and the same of init and ephemeral containers. */
  describe('whose container has ended', () => {
    const never = {restartPolicy: 'Never'};
    const rule = (action: string) => ({
      restartPolicy: 'Never',
      restartPolicyRules: [{action, exitCodes: {operator: 'In', values: [42]}}],
    });
    type Case = [string, policy: string, own: object, exitCode: number, allowed: boolean, second?: object];
    const cases: Case[] = [
      ['the pod’s Always', 'Always', {}, 0, true],
      ['the pod’s OnFailure, exit 1', 'OnFailure', {}, 1, true],
      ['the pod’s OnFailure, exit 0', 'OnFailure', {}, 0, false],
      ['the pod’s Never', 'Never', {}, 0, false],
      ['its own Always', 'Never', {restartPolicy: 'Always'}, 0, true],
      ['its own Never', 'Always', never, 0, false],
      ['a rule', 'Never', rule('Restart'), 42, true],
      ['a rule for another exit', 'Never', rule('Restart'), 1, false],
      ['a rule that restarts all', 'Never', rule('RestartAllContainers'), 1, true],
      ['another one’s rule that restarts all', 'Never', never, 1, true, rule('RestartAllContainers')],
    ];
    const state = (exitCode?: number) =>
      exitCode === undefined ? {running: {}} : {terminated: {exitCode, reason: 'Error'}};
    const told = (field: string, exitCode?: number) => ({
      [field]: [
        {name: 'other', ready: false, restartCount: 0, image: 'i', imageID: '', state: state(0)},
        {name: 'c', ready: false, restartCount: 0, image: 'i', imageID: '', state: state(exitCode)},
      ],
    });
    const write = (spec: object, field: string, from: number | undefined, to: number | undefined) => {
      const old: Pod = JSON.parse(JSON.stringify({metadata: {name: 'p'}, spec, status: told(field, from)}));
      return refusal(() =>
        world().write(pods, {...structuredClone(old), status: told(field, to)}, old, 'status'),
      );
    };

    it.each(cases)(
      'runs again only as its policy says: %s',
      (_what, policy, own, exitCode, allowed, more) => {
        const others = more === undefined ? [] : [{name: 'more', image: 'i', ...more}];
        const field = (name: string) => `status.${name}[1].state: Forbidden: may not be transitioned`;
        const list = [{name: 'c', image: 'i', ...own}, ...others];
        const asRegular = {restartPolicy: policy, containers: list};
        const asInit = {
          restartPolicy: policy,
          initContainers: list,
          containers: [{name: 'main', image: 'i'}],
        };
        const expected = (name: string) => expect.stringContaining(allowed ? 'was accepted' : field(name));
        const [regular, init] = ['containerStatuses', 'initContainerStatuses'];
        expect(write(asRegular, regular, exitCode, undefined)).toEqual(expected(regular));
        expect(write(asInit, init, exitCode, undefined)).toEqual(expected(init));
      },
    );

    it('is told again as it is, and what runs may end', () => {
      const spec = {restartPolicy: 'Never', containers: [{name: 'c', image: 'i'}]};
      for (const [from, to] of [
        [undefined, undefined],
        [undefined, 1],
        [1, 1],
      ] as const)
        expect(write(spec, 'containerStatuses', from, to)).toBe('was accepted');
    });

    it('never runs again where it is an ephemeral one', () => {
      const spec = {restartPolicy: 'Always', containers: [{name: 'main', image: 'i'}]};
      expect(write(spec, 'ephemeralContainerStatuses', 1, undefined)).toContain('may not be transitioned');
    });
  });

  it('is not resized when it is static, or its node cannot', () => {
    const before: Pod = JSON.parse(JSON.stringify(world().write(pods, pod())));
    const mirror = structuredClone(before);
    mirror.metadata.annotations = {'kubernetes.io/config.mirror': 'x'};
    expect(refusal(() => world().write(pods, structuredClone(mirror), mirror, 'resize'))).toContain(
      'static pods cannot be resized',
    );
    const old = structuredClone(before);
    const running = {name: 'c', state: {running: {}}};
    old.status = {containerStatuses: [{...running, image: '', imageID: '', ready: true, restartCount: 0}]};
    expect(refusal(() => world().write(pods, structuredClone(old), old, 'resize'))).toContain(
      'Pod running on node without support for resize',
    );
  });
});
