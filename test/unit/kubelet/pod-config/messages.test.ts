import {create, toJson} from '@bufbuild/protobuf';
import {describe, expect, it} from 'vitest';
import {ContainerConfigSchema, PodSandboxConfigSchema} from '../../../../src/edges/cri/gen/api_pb.ts';
import {containerConfig} from '../../../../src/kubelet/pod/config/container-config.ts';
import {sandboxConfig} from '../../../../src/kubelet/pod/config/sandbox-config.ts';
import type {Container} from '../../../../src/lib/kubernetes.ts';
import {rawText} from '../../../../src/lib/text/raw-text.ts';
import {container, pod, resourceFacts, securityFacts} from './pods.ts';

const sandbox = (of = pod()) =>
  sandboxConfig({
    pod: of,
    attempt: 1,
    hostname: {hostname: 'web', domain: ''},
    dns: {servers: ['10.96.0.10'], searches: ['a'], options: ['ndots:5']},
    podLogDir: '/var/log/pods',
    cgroupParent: '/kubepods/besteffort/podu-1',
    resources: resourceFacts,
    security: securityFacts,
  });

describe('a sandbox message', () => {
  it('is complete', () => {
    const of = pod(
      {
        containers: [
          container({ports: [{containerPort: 80, hostPort: 8080, hostIP: '1.2.3.4', protocol: 'UDP'}]}),
        ],
        // Only those of regular containers are mapped.
        initContainers: [
          container({name: 's', restartPolicy: 'Always', ports: [{containerPort: 81, hostPort: 81}]}),
        ],
        securityContext: {
          sysctls: [
            {name: 'net/ipv4/tcp_rmem', value: '1'},
            {name: 'kernel.shm_rmid_forced', value: '0'},
          ],
        },
      },
      {labels: {app: 'x', 'io.kubernetes.pod.name': 'forged'}, annotations: {note: 'n'}},
    );
    expect(toJson(PodSandboxConfigSchema, create(PodSandboxConfigSchema, sandbox(of)))).toMatchObject({
      metadata: {name: 'web', namespace: 'shop', uid: 'u-1', attempt: 1},
      hostname: 'web',
      logDirectory: '/var/log/pods/shop_web_u-1',
      dnsConfig: {servers: ['10.96.0.10'], searches: ['a'], options: ['ndots:5']},
      portMappings: [{protocol: 'UDP', containerPort: 80, hostPort: 8080, hostIp: '1.2.3.4'}],
      labels: {
        app: 'x',
        'io.kubernetes.pod.name': 'web',
        'io.kubernetes.pod.namespace': 'shop',
        'io.kubernetes.pod.uid': 'u-1',
      },
      annotations: {note: 'n'},
      linux: {
        cgroupParent: '/kubepods/besteffort/podu-1',
        sysctls: {'net.ipv4.tcp_rmem': '1', 'kernel.shm_rmid_forced': '0'},
      },
    });
  });

  type Port = NonNullable<Container['ports']>[number];
  const port = (containerPort: number, hostPort: number, hostIP = '', rest: Partial<Port> = {}): Port => ({
    protocol: 'TCP',
    containerPort,
    hostPort,
    ...(hostIP === '' ? {} : {hostIP}),
    ...rest,
  });

  it.each<[string, Port[], string[]]>([
    [
      'a name that is there twice counts once, an address of another family for itself',
      [
        port(80, 8080, '127.0.0.1'),
        port(443, 4343, '192.168.0.1'),
        port(555, 5555, '', {name: 'foo', protocol: 'UDP'}),
        port(888, 8888, '', {name: 'foo', protocol: 'UDP'}),
        port(80, 8080, '::'),
        port(1234, 5678),
      ],
      ['127.0.0.1:8080>80', '192.168.0.1:4343>443', ':5555>555', ':::8080>80', ':5678>1234'],
    ],
    [
      'one port of the host for several of the container',
      [port(443, 4343, '192.168.0.1'), port(4343, 4343, '192.168.0.1')],
      ['192.168.0.1:4343>443', '192.168.0.1:4343>4343'],
    ],
    ['the same twice is one', [port(443, 4343), port(443, 4343)], [':4343>443']],
    [
      'several addresses of the host',
      [port(443, 4343, '192.168.0.1'), port(443, 4343, '172.16.0.1')],
      ['192.168.0.1:4343>443', '172.16.0.1:4343>443'],
    ],
  ])('maps ports: %s (TestMakePortMappings)', (_, ports, expected) => {
    const {portMappings} = create(PodSandboxConfigSchema, sandbox(pod({containers: [container({ports})]})));
    const told = portMappings.map((one) => `${one.hostIp}:${one.hostPort}>${one.containerPort}`);
    expect(told).toEqual(expected);
  });

  it('has no host name of its own on the host network', () =>
    expect(sandbox(pod({hostNetwork: true})).hostname).toBe(''));
});

describe('a container message', () => {
  const own = container({
    command: ['sh', '-c', 'echo $(NAME) $(NONE)'],
    args: ['$$(NAME)'],
    workingDir: '/w',
    tty: true,
    stdin: true,
    ports: [{containerPort: 80}],
    lifecycle: {preStop: {exec: {command: ['x']}}},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  });
  const build = (attempt: number) =>
    containerConfig({
      pod: pod({containers: [own], terminationGracePeriodSeconds: 30}, {deletionGracePeriodSeconds: 5}),
      container: own,
      attempt,
      imageRef: 'sha256:abc',
      imageUser: {},
      environment: [
        {name: 'NAME', value: 'ü'},
        {name: 'KEY', value: rawText(Uint8Array.of(0xff, 0x00))},
      ],
      mounts: [{containerPath: '/a', hostPath: '/b', readonly: true}],
      resources: resourceFacts,
      security: securityFacts,
    });

  it('is complete', () => {
    const message = toJson(ContainerConfigSchema, create(ContainerConfigSchema, build(2)));
    expect(message).toMatchObject({
      metadata: {name: 'app', attempt: 2},
      image: {image: 'sha256:abc', userSpecifiedImage: 'example/app:1'},
      command: ['sh', '-c', 'echo ü $(NONE)'],
      args: ['$(NAME)'],
      workingDir: '/w',
      envs: [
        {key: 'NAME', value: Buffer.from('ü').toString('base64')},
        {key: 'KEY', value: Buffer.of(0xff, 0x00).toString('base64')},
      ],
      mounts: [{containerPath: '/a', hostPath: '/b', readonly: true}],
      logPath: 'app/2.log',
      stdin: true,
      tty: true,
      labels: {'io.kubernetes.container.name': 'app', 'io.kubernetes.pod.uid': 'u-1'},
      annotations: {
        'io.kubernetes.container.hash': expect.stringMatching(/^[0-9a-f]{1,8}$/),
        'io.kubernetes.container.restartCount': '2',
        'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
        'io.kubernetes.container.terminationMessagePolicy': 'File',
        'io.kubernetes.container.preStopHandler': '{"exec":{"command":["x"]}}',
        'io.kubernetes.container.ports': '[{"containerPort":80}]',
        'io.kubernetes.pod.deletionGracePeriod': '5',
        'io.kubernetes.pod.terminationGracePeriod': '30',
      },
    });
  });

  it('differs between starts in nothing but the number of the start', () => {
    const numbered = (attempt: number) =>
      JSON.stringify(toJson(ContainerConfigSchema, create(ContainerConfigSchema, build(attempt))))
        .replace(`"attempt":${attempt}`, '')
        .replace(`app/${attempt}.log`, '')
        .replace(`restartCount":"${attempt}"`, '');
    expect(numbered(7)).toBe(numbered(1));
  });
});
