import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {configMaps, pods, secrets} from '../../../src/lib/resources.ts';
import {isReady, shell, sleeper, startNode, statusOf, type TestNode} from '../kubelet/harness.ts';
import {until} from '../support/wait.ts';
import {
  conformancePod,
  fileOf,
  type Kind,
  optionals,
  type Shape,
  type Variant,
  value,
  variants,
  type Wrap,
} from './conformance-pod.ts';

/** Every case of Kubernetes' conformance suite about volumes on the node, by meaning, in real containers. */
const namespace = 'default';
const binary = Buffer.from([0xde, 0xca, 0xfe, 0xba, 0xd0, 0xfe, 0xff, 0x00]);
let node: TestNode;

beforeAll(async () => {
  node = await startNode({subnet: '10.89.40.0/24'});
  const {client} = node.sandbox;
  const data = {'data-1': value};
  const encoded = {'data-1': Buffer.from(value).toString('base64')};
  for (const name of ['data', 'goes', 'changes', 'live']) {
    await client.create(configMaps, {metadata: {name, namespace}, data});
    await client.create(secrets, {metadata: {name, namespace}, data: encoded});
  }
  await client.create(secrets, {
    metadata: {name: 'data', namespace: 'kube-system'},
    data: {'data-1': 'b3RoZXI='},
  });
  await client.create(configMaps, {
    metadata: {name: 'binary', namespace},
    data: {text: 'text'},
    binaryData: {dump: binary.toString('base64')},
  });
  await Promise.all(
    variants.map(async (variant) => {
      const metadata = {labels: {key: 'one'}, annotations: {note: 'one'}};
      await node.create(variant.name, conformancePod(variant), metadata);
      await node.waitFor(variant.name, 'Ready', isReady, 150_000);
    }),
  );
}, 180_000);
afterAll(async () => {
  await node?.stop();
});

async function inside(pod: string, script: string, container = 'main'): Promise<Buffer> {
  const containerId = node.agent().containerId(namespace, pod, container) ?? '';
  const cmd = ['sh', '-c', script];
  const {stdout} = await node.containerd.cri.runtime.execSync({containerId, cmd, timeout: 10n});
  return Buffer.from(stdout);
}
const text = async (...args: Parameters<typeof inside>): Promise<string> =>
  (await inside(...args)).toString().trim();
const look = (path: string) => `stat -L -c "%a %u:%g" ${path}; cat ${path} 2>/dev/null || echo denied`;

const reports = new Map<string, Promise<ReadonlyMap<string, string>>>();

/** Every file below /v and /sub as the container's user sees it: mode, owner and content; read once. */
function report(pod: string): Promise<ReadonlyMap<string, string>> {
  const known = reports.get(pod) ?? readAll(pod);
  reports.set(pod, known);
  return known;
}

async function readAll(pod: string): Promise<ReadonlyMap<string, string>> {
  const files = '/v/*/* /v/*/path/to/* /sub/* /etc/group';
  const script = `for f in ${files}; do test -f $f || continue; echo "@@@$f"; ${look('$f')}; done`;
  const parts = (await text(pod, script)).split('@@@').slice(1);
  return new Map(
    parts.map((part) => {
      const [path = '', ...lines] = part.trim().split('\n');
      return [path, lines.join('\n')];
    }),
  );
}

async function fileIn(pod: string, path: string): Promise<string | undefined> {
  return (await report(pod)).get(path);
}

/** The same without mode and owner. */
async function contentIn(pod: string, path: string): Promise<string | undefined> {
  return (await fileIn(pod, path))?.split('\n').slice(1).join('\n');
}

/** What a file of a volume that only the kubelet writes looks like to a user. */
function seen({uid, fsGroup}: Variant, mode: number, content: string): string {
  const given = fsGroup === undefined ? mode : mode | 0o440;
  const readable = uid === 0 || (given & 0o004) !== 0 || (fsGroup !== undefined && (given & 0o040) !== 0);
  return `${given.toString(8)} 0:${fsGroup ?? 0}\n${readable ? content : 'denied'}`;
}

async function showsFile(variant: Variant, wrap: Wrap, kind: Kind, shape: Shape): Promise<void> {
  const {path, mode} = fileOf(kind, shape);
  const content = kind === 'downwardAPI' ? variant.name : value;
  const at = `/v/${wrap}-${kind}-${shape}/${path}`.toLowerCase();
  expect(await fileIn(variant.name, at), `${variant.name} ${at}`).toBe(seen(variant, mode, content));
}

type Check = (variant: Variant) => Promise<void>;
type Case = readonly [name: string, check: Check];

const isUser = ({uid}: Variant) => uid !== 0;
/** Cases that every kind of generated file has, for each user; `as non-root` ones are those of the users' variants. */
function fileCases(title: string, wrap: Wrap, kind: 'configMap' | 'secret'): Case[] {
  const shows =
    (shape: Shape): Check =>
    (variant) =>
      showsFile(variant, wrap, kind, shape);
  const asUser =
    (shape: Shape): Check =>
    async (variant) => {
      if (isUser(variant)) await showsFile(variant, wrap, kind, shape);
    };
  const item = kind === 'secret' ? 'Item Mode' : 'Item mode';
  const several = kind === 'secret' ? 'a pod' : 'the same pod';
  return [
    [`${title} should be consumable from pods in volume`, shows('plain')],
    [`${title} should be consumable from pods in volume with defaultMode set`, shows('mode')],
    [`${title} should be consumable from pods in volume with mappings`, shows('mapped')],
    [`${title} should be consumable from pods in volume with mappings and ${item} set`, shows('item')],
    [`${title} should be consumable in multiple volumes in ${several}`, shows('again')],
    ...(kind === 'configMap'
      ? ([
          [`${title} should be consumable from pods in volume as non-root`, asUser('plain')],
          [`${title} should be consumable from pods in volume with mappings as non-root`, asUser('mapped')],
        ] satisfies Case[])
      : ([
          [
            `${title} should be consumable from pods in volume as non-root with defaultMode and fsGroup set`,
            asUser('mode'),
          ],
        ] satisfies Case[])),
  ];
}

function downwardCases(title: string, wrap: Wrap): Case[] {
  const file =
    (name: string, content: string): Check =>
    async (variant) => {
      const path = `/v/${wrap}-downwardapi-plain/${name}`;
      expect(await contentIn(variant.name, path)).toBe(content);
    };
  const shows =
    (shape: Shape): Check =>
    (variant) =>
      showsFile(variant, wrap, 'downwardAPI', shape);
  const allocatable = 'as default';
  return [
    [`${title} should provide podname only`, shows('plain')],
    [`${title} should set DefaultMode on files`, shows('mode')],
    [`${title} should set mode on item file`, shows('item')],
    [`${title} should provide container's cpu limit`, file('cpu_limit', '125')],
    [`${title} should provide container's cpu request`, file('cpu_request', '25')],
    [`${title} should provide container's memory limit`, file('memory_limit', String(64 * 2 ** 20))],
    [`${title} should provide container's memory request`, file('memory_request', String(32 * 2 ** 20))],
    [
      `${title} should provide node allocatable (cpu) ${allocatable} cpu limit if the limit is not set`,
      file('node_cpu', '2'),
    ],
    [
      `${title} should provide node allocatable (memory) ${allocatable} memory limit if the limit is not set`,
      file('node_memory', String(4 * 2 ** 30)),
    ],
  ];
}

function emptyDirCases(): Case[] {
  const media = ['default', 'tmpfs'] as const;
  const correctMode =
    (medium: (typeof media)[number]): Check =>
    async ({name, fsGroup}) => {
      // The kernel makes a tmpfs with the sticky bit, and Kubernetes leaves it.
      const special = (medium === 'tmpfs' ? 1 : 0) + (fsGroup === undefined ? 0 : 2);
      const mode = `${special === 0 ? '' : special}777 0:${fsGroup ?? 0}`;
      expect(await text(name, `stat -c "%a %u:%g" /v/${medium}`)).toBe(mode);
      const type = await text(name, `grep " /v/${medium} " /proc/mounts`);
      expect(type.split(' ')[2] === 'tmpfs').toBe(medium === 'tmpfs');
    };
  const supports =
    (user: string, mode: string, medium: string): Check =>
    async ({name, uid, fsGroup}) => {
      if ((uid === 0) !== (user === 'root')) return;
      const path = `/v/${medium}/test-${mode}`;
      const script = `echo mount-tester > ${path}; chmod ${mode} ${path}; ${look(path)}`;
      expect(await text(name, script)).toBe(`${Number(mode)} ${uid}:${fsGroup ?? 0}\nmount-tester`);
    };
  return [
    ...media.map(
      (medium): Case => [
        `EmptyDir volumes volume on ${medium === 'default' ? 'default medium' : 'tmpfs'} should have the correct mode`,
        correctMode(medium),
      ],
    ),
    ...['root', 'non-root'].flatMap((user) =>
      ['0644', '0666', '0777'].flatMap((mode) =>
        media.map(
          (medium): Case => [
            `EmptyDir volumes should support (${user},${mode},${medium})`,
            supports(user, mode, medium),
          ],
        ),
      ),
    ),
    [
      'EmptyDir volumes pod should support shared volumes between containers',
      async ({name}) => {
        await inside(name, 'echo shared > /v/default/message');
        expect(await text(name, 'cat /shared/message', 'other')).toBe('shared');
      },
    ],
  ];
}

const reads =
  (path: string, content: (variant: Variant) => string): Check =>
  async (variant) => {
    expect(await contentIn(variant.name, path)).toBe(content(variant));
  };
const constant = () => value;

const cases: readonly Case[] = [
  ...emptyDirCases(),
  ...fileCases('ConfigMap', 'own', 'configMap'),
  ...fileCases('Secrets', 'own', 'secret'),
  ...fileCases('Projected configMap', 'projected', 'configMap'),
  ...fileCases('Projected secret', 'projected', 'secret'),
  ...downwardCases('Downward API volume', 'own'),
  ...downwardCases('Projected downwardAPI', 'projected'),
  ['EmptyDir wrapper volumes should not conflict', (variant) => showsFile(variant, 'own', 'secret', 'plain')],
  [
    'Secrets should be able to mount in a volume regardless of a different secret existing with same name in different namespace',
    (variant) => showsFile(variant, 'own', 'secret', 'plain'),
  ],
  [
    'ConfigMap binary data should be reflected in volume',
    async ({name}) => {
      expect(await inside(name, 'cat /v/binary/dump')).toEqual(binary);
      expect(await text(name, 'cat /v/binary/text')).toBe('text');
    },
  ],
  [
    'Projected combined should project all components that make up the projection API',
    async ({name}) => {
      const files = 'cd /v/combined; cat configmap; echo; cat secret; echo; cat podname';
      expect(await text(name, files)).toBe(`${value}\n${value}\n${name}`);
    },
  ],
  [
    'Subpath Atomic writer volumes should support subpaths with configmap pod',
    reads('/sub/configmap', constant),
  ],
  [
    'Subpath Atomic writer volumes should support subpaths with configmap pod with mountPath of existing file',
    reads('/etc/group', constant),
  ],
  ['Subpath Atomic writer volumes should support subpaths with secret pod', reads('/sub/secret', constant)],
  [
    'Subpath Atomic writer volumes should support subpaths with projected pod',
    reads('/sub/projected', constant),
  ],
  [
    'Subpath Atomic writer volumes should support subpaths with downward pod',
    reads('/sub/downward', ({name}) => name),
  ],
  [
    'Variable Expansion should allow substituting values in a volume subpath',
    async ({name}) => {
      expect(await text(name, 'ls /v/default/expanded')).toBe(name);
    },
  ],
  [
    'Variable Expansion should succeed in writing subpaths in container',
    async ({name}) => {
      await inside(name, 'echo written > /sub/expanded/test.log; echo made > /sub/made/file');
      expect(await text(name, `cat /v/default/expanded/${name}/test.log /v/default/made/here/file`)).toBe(
        'written\nmade',
      );
    },
  ],
  [
    'ServiceAccounts should mount projected service account token',
    async (variant) => {
      const {name, uid, fsGroup} = variant;
      const mode = fsGroup !== undefined ? '640' : '600';
      expect(await text(name, 'stat -L -c "%a %u:%g" /v/combined/token')).toBe(
        `${mode} ${uid}:${fsGroup ?? 0}`,
      );
      const [, claims = ''] = (await text(name, 'cat /v/combined/token')).split('.');
      expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
        sub: 'system:serviceaccount:default:default',
        'kubernetes.io': {pod: {name}},
      });
    },
  ],
];

describe('conformance', () => {
  it.each(cases)('%s', async (_, check) => {
    await Promise.all(variants.map(check));
  });
});

/** Updates are visible in a moment; Kubernetes allows minutes. */
const soon = {timeoutMs: 10_000, everyMs: 50};

async function becomes(pod: string, script: string, content: string): Promise<void> {
  let last = '';
  await until(
    `${pod}: ${script} gives ${content}`,
    async () => {
      last = await text(pod, script);
      return last === content;
    },
    {...soon, instead: () => `last: ${last}`},
  );
}

describe('conformance: what follows its object', () => {
  const live = 'live';
  const both = ['own', 'projected'].flatMap((wrap) =>
    ['configmap', 'secret'].map((kind) => `${wrap}-${kind}`),
  );

  beforeAll(async () => {
    const volumes = [
      {name: 'own-configmap', configMap: {name: live}},
      {name: 'own-secret', secret: {secretName: live}},
      {name: 'projected-configmap', projected: {sources: [{configMap: {name: live}}]}},
      {name: 'projected-secret', projected: {sources: [{secret: {name: live}}]}},
    ];
    const volumeMounts = volumes.map(({name}) => ({name, mountPath: `/v/${name}`}));
    const metadata = {labels: {key: 'one'}, annotations: {note: 'one'}};
    const containers = [sleeper('main', {volumeMounts})];
    await node.create(live, {terminationGracePeriodSeconds: 1, volumes, containers}, metadata);
    await node.waitFor(live, 'Ready', isReady);
  });

  it('ConfigMap, Secrets, Projected configMap: updates should be reflected in volume', async () => {
    const {client} = node.sandbox;
    const key = {name: live, namespace};
    await client.patch(configMaps, key, {type: 'merge', body: {data: {'data-1': null, new: 'two'}}});
    await client.patch(secrets, key, {type: 'merge', body: {data: {'data-1': null, new: 'dHdv'}}});
    for (const volume of both) await becomes(live, `cd /v/${volume}; ls; cat new`, 'new\ntwo');
  });

  it('ConfigMap, Secrets, Projected configMap and secret: optional updates should be reflected in volume', async () => {
    const {client} = node.sandbox;
    const [goes, changes, comes] = optionals;
    for (const resource of [configMaps, secrets] as const) {
      const data = {'data-1': resource === secrets ? 'dHdv' : 'two'};
      await client.delete(resource, {name: goes, namespace});
      await client.patch(resource, {name: changes, namespace}, {type: 'merge', body: {data}});
      await client.create(resource, {metadata: {name: comes, namespace}, data});
    }
    const shown = both.map(
      (volume) =>
        `cd /v/${volume}-${goes}; ls; cat ../${volume}-${changes}/data-1 ../${volume}-${comes}/data-1;`,
    );
    await Promise.all(variants.map(({name}) => becomes(name, shown.join(' '), 'twotwo'.repeat(both.length))));
  });

  it('Downward API volume, Projected downwardAPI: should update labels, annotations on modification', async () => {
    const key = {name: 'user', namespace};
    const metadata = {labels: {key: 'two'}, annotations: {note: 'two'}};
    await node.sandbox.client.patch(pods, key, {type: 'merge', body: {metadata}});
    for (const wrap of ['own', 'projected']) {
      const volume = `/v/${wrap}-downwardapi-plain`;
      await becomes('user', `cat ${volume}/labels`, 'key="two"');
      await becomes('user', `grep note ${volume}/annotations`, 'note="two"');
    }
  });
});

describe('conformance: pods that', () => {
  const expanding = (name: string) => ({
    terminationGracePeriodSeconds: 1,
    volumes: [{name: 'work', emptyDir: {}}],
    containers: [
      sleeper('main', {
        env: [{name: 'NAME', value: name}],
        volumeMounts: [{name: 'work', mountPath: '/made', subPathExpr: '$(NAME)'}],
      }),
    ],
  });
  const waits = (reason: string) => (pod: Pod) => statusOf(pod, 'main')?.state?.waiting?.reason === reason;

  it.each([
    ['backticks', '..', "must not contain '..'"],
    ['absolute path', '/tmp', 'must not be an absolute path'],
  ])(
    'Variable Expansion should fail substituting values in a volume subpath with %s',
    async (title, value, why) => {
      const name = title.replace(' ', '-');
      await node.create(name, expanding(value));
      const pod = await node.waitFor(name, 'it waits', waits('CreateContainerConfigError'));
      expect(statusOf(pod, 'main')?.state?.waiting?.message).toContain(why);
      await node.remove(name, 0);
      await node.gone(name);
    },
  );

  it('Variable Expansion should verify that a failing subpath expansion can be modified during the lifecycle of a container', async () => {
    const name = 'modified';
    const {volumes} = expanding('');
    const env = [{name: 'NOTE', valueFrom: {fieldRef: {fieldPath: "metadata.annotations['path']"}}}];
    const volumeMounts = [{name: 'work', mountPath: '/made', subPathExpr: '$(NOTE)/x'}];
    await node.create(name, {
      terminationGracePeriodSeconds: 1,
      volumes,
      containers: [sleeper('main', {env, volumeMounts})],
    });
    const pod = await node.waitFor(name, 'it waits', waits('CreateContainerConfigError'));
    expect(pod.status?.phase).toBe('Pending');
    const metadata = {annotations: {path: 'mine'}};
    await node.sandbox.client.patch(pods, {name, namespace}, {type: 'merge', body: {metadata}});
    await node.waitFor(name, 'Ready', isReady);
    await node.remove(name);
    await node.gone(name);
  });

  it('EmptyDir wrapper volumes should not cause race condition when used for configmaps', async () => {
    const names = Array.from({length: 50}, (_, at) => `racey-${at}`);
    const {client} = node.sandbox;
    await Promise.all(
      names.map((name) => client.create(configMaps, {metadata: {name, namespace}, data: {[name]: name}})),
    );
    const volumes = names.map((name) => ({name, configMap: {name, items: [{key: name, path: 'data'}]}}));
    const volumeMounts = names.map((name) => ({name, mountPath: `/v/${name}`}));
    const all = ['racey-a', 'racey-b'];
    for (const name of all)
      await node.create(name, {
        restartPolicy: 'Never',
        volumes,
        containers: [
          shell('main', `for n in ${names.join(' ')}; do test "$(cat /v/$n/data)" = $n || exit 1; done`, {
            volumeMounts,
          }),
        ],
      });
    for (const name of all) {
      const pod = await node.waitFor(name, 'it has ended', (p) =>
        /Succeeded|Failed/.test(p.status?.phase ?? ''),
      );
      expect(pod.status?.phase).toBe('Succeeded');
      await node.remove(name);
      await node.gone(name);
    }
  });

  it('an init container can set variables of its pod by a file', async () => {
    const name = 'env-file';
    const volumeMounts = [{name: 'work', mountPath: '/made'}];
    const fileKeyRef = {volumeName: 'work', path: 'config/env', key: 'GREETING'};
    await node.create(name, {
      restartPolicy: 'Never',
      volumes: [{name: 'work', emptyDir: {}}],
      initContainers: [
        shell('make', "mkdir /made/config; echo GREETING=\\'hello\\' > /made/config/env", {volumeMounts}),
      ],
      containers: [shell('main', 'test "$WORD" = hello', {env: [{name: 'WORD', valueFrom: {fileKeyRef}}]})],
    });
    await node.waitFor(name, 'it has succeeded', (p) => p.status?.phase === 'Succeeded');
    await node.remove(name);
    await node.gone(name);
  });
});
