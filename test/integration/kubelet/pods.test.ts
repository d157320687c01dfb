import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {configMaps, events, pods} from '../../../src/lib/resources.ts';
import {writeCni} from '../support/containerd.ts';
import {until} from '../support/wait.ts';
import {condition, isReady, shell, sleeper, startNode, statusOf, type TestNode} from './harness.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode({subnet: '10.89.8.0/24'});
}, 60_000);
afterAll(async () => {
  await node?.stop();
});

const grace = {terminationGracePeriodSeconds: 5};

describe('a pod', () => {
  it('becomes Ready with an address, and goes without a trace', async () => {
    await node.create('one', {...grace, containers: [sleeper('main')]});
    const pod = await node.waitFor('one', 'Ready', isReady);
    expect(pod.status).toMatchObject({phase: 'Running', hostIP: '192.0.2.1', qosClass: 'BestEffort'});
    expect(pod.status?.podIP).toMatch(/^10\.89\.8\./);
    expect(statusOf(pod, 'main')).toMatchObject({ready: true, started: true, restartCount: 0});
    expect(condition(pod, 'PodReadyToStartContainers')).toBe('True');
    const {uid} = pod.metadata;
    const cgroup = `/sys/fs/cgroup/cpu${node.config.cgroupRoot}/kubepods/besteffort/pod${uid}`;
    const unified = `/sys/fs/cgroup${node.config.cgroupRoot}/kubepods/besteffort/pod${uid}`;
    expect(existsSync(cgroup) || existsSync(unified)).toBe(true);
    await node.remove('one');
    await node.gone('one');
    expect(existsSync(cgroup) || existsSync(unified)).toBe(false);
    await until('its directories are gone', () => !existsSync(`${node.config.rootDir}/pods/${uid}`));
    await until('its sandboxes are gone', async () => {
      const {items} = await node.containerd.cri.runtime.listPodSandbox({});
      return items.every(({metadata}) => metadata?.uid !== uid);
    });
    await until('its logs are gone', () => {
      const names = [...readdirSync(node.config.podLogsDir), ...readdirSync(node.config.containerLogDir)];
      return names.length === 0;
    });
  });

  it('succeeds when its containers have ended well, and keeps its log', async () => {
    await node.create('job', {restartPolicy: 'Never', containers: [shell('main', 'echo done')]});
    const pod = await node.waitFor('job', 'Succeeded', (p) => p.status?.phase === 'Succeeded');
    expect(statusOf(pod, 'main')?.state?.terminated).toMatchObject({exitCode: 0, reason: 'Completed'});
    expect(condition(pod, 'Ready')).toBe('False');
    expect(condition(pod, 'Initialized')).toBe('True');
    const log = node.agent().logPath('default', 'job', 'main', false);
    expect(readFileSync(log ?? '', 'utf8')).toMatch(/ stdout F done\n$/);
    await node.remove('job');
    await node.gone('job');
  });

  it('fails with the exit code and the last words of its container', async () => {
    const script = 'echo broken > /dev/termination-log; exit 7';
    await node.create('fails', {restartPolicy: 'Never', containers: [shell('main', script)]});
    const pod = await node.waitFor('fails', 'Failed', (p) => p.status?.phase === 'Failed');
    expect(statusOf(pod, 'main')?.state?.terminated).toMatchObject({
      exitCode: 7,
      reason: 'Error',
      message: 'broken\n',
    });
    await node.remove('fails');
    await node.gone('fails');
  });

  it('restarts a container that ends, at once the first time and then after a wait', async () => {
    await node.create('crash', {...grace, containers: [shell('main', 'exit 3')]});
    const pod = await node.waitFor(
      'crash',
      'CrashLoopBackOff',
      (p) => statusOf(p, 'main')?.state?.waiting?.reason === 'CrashLoopBackOff',
    );
    expect(pod.status?.phase).toBe('Running');
    const status = statusOf(pod, 'main');
    expect(status).toMatchObject({restartCount: 1, lastState: {terminated: {exitCode: 3, reason: 'Error'}}});
    expect(status?.state?.waiting?.message).toContain('back-off 10s restarting failed container=main');
    await node.remove('crash');
    await node.gone('crash');
  });

  it('runs init containers in order, then its containers', async () => {
    const volumeMounts = [{name: 'shared', mountPath: '/shared'}];
    const note = (word: string) => `echo ${word} >> /shared/order`;
    await node.create('inits', {
      restartPolicy: 'Never',
      volumes: [{name: 'shared', emptyDir: {}}],
      initContainers: [
        shell('first', note('first'), {volumeMounts}),
        shell('second', note('second'), {volumeMounts}),
      ],
      containers: [shell('main', 'cat /shared/order', {volumeMounts})],
    });
    const pod = await node.waitFor('inits', 'Succeeded', (p) => p.status?.phase === 'Succeeded');
    const log = readFileSync(node.agent().logPath('default', 'inits', 'main', false) ?? '', 'utf8');
    expect(log.match(/(first|second)$/gm)).toEqual(['first', 'second']);
    expect(statusOf(pod, 'first')).toMatchObject({ready: true, state: {terminated: {exitCode: 0}}});
    await node.remove('inits');
    await node.gone('inits');
  });

  it('starts a sidecar before its containers and ends it after them', async () => {
    await node.create('sidecar', {
      ...grace,
      initContainers: [sleeper('proxy', {restartPolicy: 'Always'})],
      containers: [sleeper('main')],
    });
    const pod = await node.waitFor('sidecar', 'Ready', isReady);
    const at = (name: string) => Date.parse(statusOf(pod, name)?.state?.running?.startedAt ?? '');
    expect(at('proxy')).toBeLessThanOrEqual(at('main'));
    await node.remove('sidecar');
    await node.gone('sidecar');
  });

  it('ends a Job pod with a sidecar when the containers have ended', async () => {
    await node.create('sidejob', {
      ...grace,
      restartPolicy: 'Never',
      initContainers: [sleeper('proxy', {restartPolicy: 'Always'})],
      containers: [shell('main', 'true')],
    });
    await node.waitFor('sidejob', 'Succeeded', (p) => p.status?.phase === 'Succeeded');
    await node.remove('sidejob');
    await node.gone('sidejob');
  });

  it('starts no sidecar of a Job pod again while one before it is still ending', async () => {
    const slow = 'trap "sleep 1; exit 0" TERM; echo up; while :; do sleep 0.1; done';
    await node.create('slowjob', {
      restartPolicy: 'OnFailure',
      initContainers: [
        {...shell('slow', slow), restartPolicy: 'Always'},
        sleeper('quick', {restartPolicy: 'Always'}),
      ],
      containers: [shell('main', 'true')],
    });
    const pod = await node.waitFor('slowjob', 'Succeeded', (p) => p.status?.phase === 'Succeeded');
    expect(['slow', 'quick'].map((name) => statusOf(pod, name)?.restartCount)).toEqual([0, 0]);
    await node.remove('slowjob');
    await node.gone('slowjob');
  });

  it('says why an image cannot be had, and goes on when asked to go', async () => {
    await node.create('noimage', {
      containers: [{name: 'main', image: 'localhost:1/nothing:1', command: ['true']}],
    });
    const waits = (reason: string) => (p: Parameters<typeof statusOf>[0]) =>
      statusOf(p, 'main')?.state?.waiting?.reason === reason;
    await node.waitFor('noimage', 'ErrImagePull', waits('ErrImagePull'));
    await node.waitFor('noimage', 'ImagePullBackOff', waits('ImagePullBackOff'));
    await node.remove('noimage', 0);
    await node.gone('noimage');
  });

  it('waits for a ConfigMap that its environment needs', async () => {
    await node.create('config', {
      ...grace,
      containers: [
        sleeper('main', {env: [{name: 'A', valueFrom: {configMapKeyRef: {name: 'later', key: 'a'}}}]}),
      ],
    });
    const reason = 'CreateContainerConfigError';
    const pod = await node.waitFor(
      'config',
      reason,
      (p) => statusOf(p, 'main')?.state?.waiting?.reason === reason,
    );
    expect(statusOf(pod, 'main')?.state?.waiting?.message).toContain('configmap "later" not found');
    const metadata = {name: 'later', namespace: 'default'};
    await node.sandbox.client.create(configMaps, {metadata, data: {a: '1'}}, {namespace: 'default'});
    await node.waitFor('config', 'Ready', isReady);
    await node.remove('config');
    await node.gone('config');
  });

  it('is Ready only while its readiness probe succeeds, and is restarted by its liveness probe', async () => {
    const probe = (command: string[], failureThreshold = 1) => ({
      exec: {command},
      periodSeconds: 1,
      failureThreshold,
    });
    await node.create('probed', {
      ...grace,
      containers: [
        sleeper('main', {
          readinessProbe: probe(['test', '-e', '/tmp/ready']),
          livenessProbe: probe(['test', '!', '-e', '/tmp/dead']),
        }),
      ],
    });
    const pod = await node.waitFor('probed', 'Running', (p) => p.status?.phase === 'Running');
    expect(isReady(pod)).toBe(false);
    const exec = async (...cmd: string[]) => {
      const containerId = node.agent().containerId('default', 'probed', 'main') ?? '';
      await node.containerd.cri.runtime.execSync({containerId, cmd, timeout: 5n});
    };
    await exec('touch', '/tmp/ready');
    await node.waitFor('probed', 'Ready', isReady);
    await exec('rm', '/tmp/ready');
    await node.waitFor('probed', 'not Ready', (p) => !isReady(p));
    await exec('touch', '/tmp/dead');
    const restarted = await node.waitFor(
      'probed',
      'restarted',
      (p) => (statusOf(p, 'main')?.restartCount ?? 0) > 0,
    );
    expect(statusOf(restarted, 'main')?.lastState?.terminated).toBeDefined();
    await node.remove('probed');
    await node.gone('probed');
  });

  it('runs preStop before the signal, within the grace', async () => {
    await node.create('hooks', {
      ...grace,
      volumes: [{name: 'out', hostPath: {path: `${node.containerd.dir}/out`, type: 'DirectoryOrCreate'}}],
      containers: [
        sleeper('main', {
          volumeMounts: [{name: 'out', mountPath: '/out'}],
          lifecycle: {
            postStart: {exec: {command: ['sh', '-c', 'echo post > /out/post']}},
            preStop: {exec: {command: ['sh', '-c', 'echo pre > /out/pre']}},
          },
        }),
      ],
    });
    await node.waitFor('hooks', 'Ready', isReady);
    expect(readFileSync(`${node.containerd.dir}/out/post`, 'utf8')).toBe('post\n');
    await node.remove('hooks');
    await node.gone('hooks');
    expect(readFileSync(`${node.containerd.dir}/out/pre`, 'utf8')).toBe('pre\n');
  });

  it('is ended by activeDeadlineSeconds', async () => {
    await node.create('deadline', {...grace, activeDeadlineSeconds: 1, containers: [sleeper('main')]});
    const pod = await node.waitFor('deadline', 'Failed', (p) => p.status?.phase === 'Failed');
    expect(pod.status?.reason).toBe('DeadlineExceeded');
    await until('its event', async () => {
      const {items} = await node.sandbox.client.list(events, {namespace: 'default'});
      return items.some(({reason, type}) => `${type} ${reason}` === 'Normal DeadlineExceeded');
    });
    await node.remove('deadline');
    await node.gone('deadline');
  });

  it('is given less time by its node, and never more', async () => {
    const deaf = shell('main', 'trap "" TERM; while :; do sleep 1; done');
    await node.create('hurried', {terminationGracePeriodSeconds: 3600, containers: [deaf]});
    const {uid} = (await node.waitFor('hurried', 'Ready', isReady)).metadata;
    const end = (reason: string, graceSeconds: number) =>
      node.agent().end(uid, {reason, message: `for ${graceSeconds} s`, graceSeconds});
    end('Soft', 1800);
    await until('it is being ended', async () => {
      const {items} = await node.sandbox.client.list(events, {namespace: 'default'});
      return items.some(
        ({reason, involvedObject}) => `${reason} ${involvedObject.name}` === 'Killing hurried',
      );
    });
    end('Hard', 1);
    end('Later', 1700);
    const pod = await node.waitFor('hurried', 'Failed', ({status}) => status?.phase === 'Failed');
    expect(pod.status).toMatchObject({reason: 'Hard', message: 'for 1 s'});
    expect(statusOf(pod, 'main')?.state?.terminated?.exitCode).toBe(137);
  });

  it('is ended at once when it is deleted by force', async () => {
    const deaf = shell('main', 'trap "" TERM; while :; do sleep 1; done');
    await node.create('forced', {terminationGracePeriodSeconds: 3600, containers: [deaf]});
    const {uid} = (await node.waitFor('forced', 'Ready', isReady)).metadata;
    await node.remove('forced', 0);
    await node.gone('forced');
    let left = '';
    await until(
      'nothing of it is left',
      async () => {
        const {containers} = await node.containerd.cri.runtime.listContainers({});
        const own = containers.filter(({labels}) => labels['io.kubernetes.pod.uid'] === uid);
        left = own.map(({metadata, state}) => `${metadata?.name} in state ${state}`).join();
        return own.length === 0;
      },
      {instead: () => left},
    );
  });

  it('shares the network of its node when it asks for it', async () => {
    await node.create('host', {...grace, hostNetwork: true, containers: [sleeper('main')]});
    const pod = await node.waitFor('host', 'Ready', isReady);
    expect(pod.status).toMatchObject({podIP: '192.0.2.1', podIPs: [{ip: '192.0.2.1'}]});
    const sandbox = node.agent().sandboxId('default', 'host');
    await node.restart();
    await until('it has been looked at', () => node.agent().sandboxId('default', 'host') !== undefined);
    expect(node.agent().sandboxId('default', 'host')).toBe(sandbox);
    expect(isReady(await node.waitFor('host', 'there', () => true))).toBe(true);
    await node.remove('host');
    await node.gone('host');
  });

  it('begins all containers anew when one ends with the exit code of such a rule', async () => {
    const volumeMounts = [{name: 'work', mountPath: '/work'}];
    const again = 'if [ -e /work/again ]; then sleep 3600 & wait; fi; touch /work/again; exit 42';
    const rule = {action: 'RestartAllContainers', exitCodes: {operator: 'In', values: [42]}};
    await node.create('anew', {
      terminationGracePeriodSeconds: 1,
      restartPolicy: 'Never',
      volumes: [{name: 'work', emptyDir: {}}],
      initContainers: [shell('init', 'true'), sleeper('proxy', {restartPolicy: 'Always'})],
      containers: [
        sleeper('main'),
        shell('source', again, {volumeMounts, restartPolicy: 'Never', restartPolicyRules: [rule]}),
      ],
    });
    const all = ['init', 'proxy', 'main', 'source'];
    const pod = await node.waitFor(
      'anew',
      'running again',
      (p) => isReady(p) && all.every((name) => statusOf(p, name)?.restartCount === 1),
      120_000,
    );
    for (const name of all)
      expect(statusOf(pod, name)?.lastState?.terminated?.reason).toBe('RestartingAllContainers');
    expect(condition(pod, 'AllContainersRestarting')).toBe('False');
    await node.remove('anew');
    await node.gone('anew');
  });

  it('ends in the last state of five hundred quick updates', async () => {
    await node.create('busy', {...grace, activeDeadlineSeconds: 10_000, containers: [sleeper('main')]});
    const before = await node.waitFor('busy', 'Ready', isReady);
    const key = {name: 'busy', namespace: 'default'};
    for (let at = 1; at <= 500; at++)
      await node.sandbox.client.patch(pods, key, {
        type: 'merge',
        body: {spec: {activeDeadlineSeconds: 10_000 - at}},
      });
    const seen = await node.waitFor('busy', 'seen', (p) => p.status?.observedGeneration === 501, 120_000);
    expect(seen.metadata.generation).toBe(501);
    await node.waitFor(
      'busy',
      'all conditions of the last one',
      (p) => (p.status?.conditions ?? []).every(({observedGeneration}) => observedGeneration === 501),
      120_000,
    );
    expect(statusOf(seen, 'main')?.containerID).toBe(statusOf(before, 'main')?.containerID);
    await node.remove('busy');
    await node.gone('busy');
  });

  it('says what cannot be executed, and counts its tries', async () => {
    await node.create('noexec', {containers: [{...sleeper('main'), command: ['/no/such/program']}]});
    const pod = await node.waitFor(
      'noexec',
      'tried twice',
      (p) => statusOf(p, 'main')?.restartCount === 1 && statusOf(p, 'main')?.state?.waiting !== undefined,
    );
    expect(statusOf(pod, 'main')?.lastState?.terminated).toMatchObject({exitCode: 128, reason: 'StartError'});
    await node.remove('noexec');
    await node.gone('noexec');
  });

  it('keeps its end and last words over a restart of the kubelet', async () => {
    const script = 'echo words > /dev/termination-log; exit 4';
    await node.create('words', {restartPolicy: 'Never', containers: [shell('main', script)]});
    const before = await node.waitFor(
      'words',
      'Failed, its sandbox gone',
      (p) => p.status?.phase === 'Failed' && condition(p, 'PodReadyToStartContainers') === 'False',
    );
    await node.restart();
    await node.create('later', {...grace, containers: [sleeper('main')]});
    await node.waitFor('later', 'Ready', isReady);
    expect((await node.get('words'))?.status).toEqual(before.status);
    await node.remove('words');
    await node.gone('words');
  });
});

describe('without a network of the node', () => {
  it('only pods of the host network start, and the others say why', async () => {
    const bare = await startNode({withoutCni: true});
    try {
      await bare.create('host', {...grace, hostNetwork: true, containers: [sleeper('main')]});
      await bare.create('pod', {...grace, containers: [sleeper('main')]});
      await bare.waitFor('host', 'Ready', isReady);
      expect(bare.agent().runtimeReady()).toMatchObject({ok: false, networkReady: false});
      expect((await bare.get('pod'))?.status?.phase).toBe('Pending');
      await until('an event says why', async () => {
        const {items} = await bare.sandbox.client.list(events, {namespace: 'default'});
        return items.some(
          ({reason, involvedObject}) => reason === 'NetworkNotReady' && involvedObject.name === 'pod',
        );
      });
      await writeCni(bare.containerd.layout, bare.containerd.dir, '10.89.13.0/24');
      await bare.waitFor('pod', 'Ready once there is a network', isReady);
    } finally {
      await bare.stop();
    }
  });
});
