import {readFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Pod, PodSpec} from '../../../src/lib/kubernetes.ts';
import {configMaps, events, pods} from '../../../src/lib/resources.ts';
import {busyboxFiles, busyboxImage, importImage} from '../support/images.ts';
import {until} from '../support/wait.ts';
import {shell, sleeper, startNode, statusOf, type TestNode} from './harness.ts';

/** What people write seldom, and what Kubernetes makes of it; each pod as a whole, in a real runtime. */
let node: TestNode;
const namespace = 'default';
const words = {'a.b': '1', same: 'from a map'};
beforeAll(async () => {
  node = await startNode({subnet: '10.89.77.0/24'});
  const socket = node.containerd.layout.containerdSocket;
  const [nothing, nobody] = ['test.local/no-command:1', 'test.local/nobody:1'];
  await importImage(socket, {name: nothing, files: busyboxFiles()});
  await importImage(socket, {name: nobody, files: busyboxFiles(), user: 'nobody', entrypoint: ['/bin/true']});
  const draft = {metadata: {name: 'words', namespace}, data: words};
  await node.sandbox.client.create(configMaps, draft, {namespace});
}, 120_000);
afterAll(async () => {
  await node?.stop();
});

const never = {restartPolicy: 'Never', terminationGracePeriodSeconds: 1};
const scratch = {volumes: [{name: 'v', emptyDir: {}}]};
const at = (mountPath: string, rest: object = {}) => [{name: 'v', mountPath, ...rest}];
const logOf = (pod: string) =>
  readFileSync(node.agent().logPath(namespace, pod, 'main', false) ?? '', 'utf8')
    .replace(/^\S+ (stdout|stderr) [FP] /gm, '')
    .trimEnd();

const told = async (pod: Pod, reason: string) =>
  (await node.sandbox.client.list(events, {namespace})).items.filter(
    (event) => event.involvedObject.uid === pod.metadata.uid && event.reason === reason,
  );
const firstTold = (pod: Pod, reason: string) =>
  until(`${pod.metadata.name}: ${reason}`, async () => (await told(pod, reason))[0]?.message);

describe('a container that cannot be started says why, in Kubernetes’ words:', () => {
  it.each<[string, Partial<PodSpec>, string, RegExp]>([
    [
      'named-user',
      {securityContext: {runAsNonRoot: true}, containers: [{name: 'main', image: 'test.local/nobody:1'}]},
      'CreateContainerConfigError',
      /^container has runAsNonRoot and image has non-numeric user \(nobody\), cannot verify user is non-root \(pod: "named-user_default\(.*\)", container: main\)$/,
    ],
    [
      'no-command',
      {containers: [{name: 'main', image: 'test.local/no-command:1'}]},
      'CreateContainerError',
      /no command specified$/,
    ],
    [
      'no-key',
      {
        containers: [
          shell('main', 'true', {
            env: [{name: 'A', valueFrom: {configMapKeyRef: {name: 'words', key: 'none'}}}],
          }),
        ],
      },
      'CreateContainerConfigError',
      /^couldn't find key none in ConfigMap default\/words$/,
    ],
    [
      'no-value',
      {...scratch, containers: [shell('main', 'true', {volumeMounts: at('/d', {subPathExpr: '$(NONE)/x'})})]},
      'CreateContainerConfigError',
      /^missing value for NONE$/,
    ],
  ])('%s', async (name, spec, reason, message) => {
    await node.create(name, {...never, ...spec});
    const pod = await node.waitFor(
      name,
      reason,
      (p) => statusOf(p, 'main')?.state?.waiting?.reason === reason,
    );
    expect(statusOf(pod, 'main')?.state?.waiting?.message).toMatch(message);
    await node.remove(name);
    await node.gone(name);
  });

  it('a command that is not there ends the container with 128', async () => {
    await node.create('not-found', {
      ...never,
      containers: [{name: 'main', image: busyboxImage, command: ['no']}],
    });
    const pod = await node.waitFor('not-found', 'Failed', ({status}) => status?.phase === 'Failed');
    expect(statusOf(pod, 'main')?.state?.terminated).toMatchObject({
      exitCode: 128,
      reason: 'StartError',
      startedAt: '1970-01-01T00:00:00Z',
      message: expect.stringContaining('exec: "no": executable file not found in $PATH'),
    });
  });
});

describe('what a container is given:', () => {
  it.each<[string, Partial<PodSpec>, string]>([
    [
      'expansion',
      {
        containers: [
          {
            name: 'main',
            image: busyboxImage,
            command: ['/bin/echo', '$(A)', '$$(A)', '$(NO)', '$'],
            args: ['$(B)', '$(C)'],
            env: [
              {name: 'A', value: 'a'},
              {name: 'B', value: '$(A)b$(C)'},
              {name: 'C', value: '$(B)c'},
            ],
          },
        ],
      },
      'a $(A) $(NO) $ ab$(C) ab$(C)c',
    ],
    [
      'sub-path',
      {
        ...scratch,
        containers: [
          shell('main', 'echo hi > /d/f; cat /all/of-sub-path/x/f', {
            env: [{name: 'POD', valueFrom: {fieldRef: {fieldPath: 'metadata.name'}}}],
            volumeMounts: [...at('/d', {subPathExpr: 'of-$(POD)/x'}), ...at('/all')],
          }),
        ],
      },
      'hi',
    ],
    [
      'memory',
      {
        volumes: [{name: 'v', emptyDir: {medium: 'Memory', sizeLimit: '128Mi'}}],
        containers: [
          shell('main', 'grep -o "/v tmpfs.*size=[0-9]*k" /proc/mounts', {
            volumeMounts: at('/v'),
            resources: {limits: {memory: '64Mi'}},
          }),
        ],
      },
      '/v tmpfs rw,relatime,size=65536k',
    ],
  ])('%s', async (name, spec, log) => {
    await node.create(name, {...never, ...spec});
    await node.waitFor(name, 'Succeeded', ({status}) => status?.phase === 'Succeeded');
    expect(logOf(name)).toBe(log);
  });

  it('names of variables that no shell could have', async () => {
    const main = {
      name: 'main',
      image: busyboxImage,
      command: ['/bin/env'],
      env: [{name: 'a b!', value: '$(same)'}],
      envFrom: [{configMapRef: {name: 'words'}}, {prefix: 'p.', configMapRef: {name: 'words'}}],
    };
    await node.create('odd-names', {...never, containers: [main]});
    await node.waitFor('odd-names', 'Succeeded', ({status}) => status?.phase === 'Succeeded');
    const lines = ['a b!=from a map', 'a.b=1', 'p.a.b=1', 'p.same=from a map', 'same=from a map'];
    expect(logOf('odd-names').split('\n')).toEqual(expect.arrayContaining(lines));
  });

  it('a map that comes late is waited for', async () => {
    const volumes = [{name: 'v', configMap: {name: 'late'}}];
    const pod = await node.create('late', {
      ...never,
      volumes,
      containers: [shell('main', 'cat /v/k', {volumeMounts: at('/v')})],
    });
    expect(await firstTold(pod, 'FailedMount')).toContain('configmap "late" not found');
    const {client} = node.sandbox;
    await client.create(configMaps, {metadata: {name: 'late', namespace}, data: {k: 'came'}}, {namespace});
    await node.waitFor('late', 'Succeeded', ({status}) => status?.phase === 'Succeeded');
    expect(logOf('late')).toBe('came');
  });
});

describe('how a pod goes on:', () => {
  it('a rule starts a container again with Never, and nothing backs off from what then ends well', async () => {
    const volumeMounts = at('/v');
    const again = {action: 'Restart', exitCodes: {operator: 'In', values: [42]}};
    const script = '[ -e /v/been ] && exit 0; touch /v/been; exit 42';
    const rest = {restartPolicy: 'Never', restartPolicyRules: [again], volumeMounts};
    const containers = [sleeper('other'), shell('main', script, rest)];
    await node.create('rules', {...never, ...scratch, containers});
    const ended = (pod: Pod) => statusOf(pod, 'main')?.state?.terminated?.exitCode === 0;
    const pod = await node.waitFor('rules', 'a good end', ended);
    expect(statusOf(pod, 'main')).toMatchObject({
      restartCount: 1,
      lastState: {terminated: {exitCode: 42, reason: 'Error'}},
    });
    expect(pod.status?.phase).toBe('Running');
    await node.remove('rules');
    await node.gone('rules');
    expect(await told(pod, 'BackOff')).toEqual([]);
  });

  it('a sidecar whose startup probe fails is started again, and what comes after it waits', async () => {
    const startupProbe = {exec: {command: ['false']}, periodSeconds: 1, failureThreshold: 1};
    const initContainers = [sleeper('proxy', {restartPolicy: 'Always', startupProbe})];
    await node.create('sidecar', {
      terminationGracePeriodSeconds: 2,
      initContainers,
      containers: [sleeper('main')],
    });
    const restarted = (p: Pod) => (statusOf(p, 'proxy')?.restartCount ?? 0) > 0;
    const pod = await node.waitFor('sidecar', 'a restart', restarted);
    expect(pod.status?.phase).toBe('Pending');
    expect(statusOf(pod, 'main')?.state).toEqual({waiting: {reason: 'PodInitializing'}});
    expect(await firstTold(pod, 'Killing')).toBe('Init container proxy failed startup probe');
    await node.remove('sidecar');
    await node.gone('sidecar');
  });

  it('the deadline ends it in the middle of its init containers', async () => {
    const initContainers = [sleeper('one'), sleeper('two')];
    await node.create('deadline', {
      ...never,
      activeDeadlineSeconds: 4,
      initContainers,
      containers: [sleeper('main')],
    });
    const pod = await node.waitFor('deadline', 'Failed', ({status}) => status?.phase === 'Failed');
    expect(pod.status?.reason).toBe('DeadlineExceeded');
    expect(statusOf(pod, 'one')?.state?.terminated).toBeDefined();
  });

  it('an ephemeral container finds no namespace of a container that has ended', async () => {
    await node.create('debugged', {...never, containers: [shell('main', 'exit 0'), sleeper('stays')]});
    await node.waitFor('debugged', 'its end', (p) => statusOf(p, 'main')?.state?.terminated !== undefined);
    const debug = {...shell('debug', 'true'), targetContainerName: 'main', terminationMessagePolicy: 'File'};
    const key = {name: 'debugged', namespace, subresource: 'ephemeralcontainers'};
    const body = {spec: {ephemeralContainers: [debug]}};
    await node.sandbox.client.patch(pods, key, {type: 'strategic', body});
    const reasonOf = ({status}: Pod) => status?.ephemeralContainerStatuses?.[0]?.state?.waiting?.reason;
    await node.waitFor('debugged', 'its reason', (p) => reasonOf(p) === 'CreateContainerError');
    await node.remove('debugged');
    await node.gone('debugged');
  });
});
