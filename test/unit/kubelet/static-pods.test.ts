import {execFileSync} from 'node:child_process';
import {mkdtempSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {parseStaticPod, parseStaticPods} from '../../../src/config/pod/static-pod.ts';
import {realClock} from '../../../src/edges/clock.ts';
import type {KubeClient} from '../../../src/edges/kube/client.ts';
import {PodStore} from '../../../src/kubelet/api/pod-store.ts';
import type {PodWorkers} from '../../../src/kubelet/pod/worker.ts';
import {decideMirror, Mirrors} from '../../../src/kubelet/sources/mirror.ts';
import {startStaticSource} from '../../../src/kubelet/sources/static.ts';
import {StaticPods} from '../../../src/kubelet/sources/static-pods.ts';
import {Telemetry} from '../../../src/kubelet/stats/metrics/telemetry.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import type {Clock} from '../../../src/lib/time.ts';

const text = (spec: string, name = 'web') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
const plain = text('{containers: [{name: main, image: a:1}]}');
const parse = (content: string): Pod => parseStaticPod(content, '/m/web.yaml', 'node-1', 'now');

describe('a static pod', () => {
  it('is named after its node, and told apart by its content', () => {
    const pod = parse(plain);
    expect(pod.metadata).toMatchObject({name: 'web-node-1', namespace: 'default'});
    expect(pod.metadata.uid).toMatch(/^[0-9a-f]{32}$/);
    expect(pod.metadata.annotations).toMatchObject({
      'kubernetes.io/config.source': 'file',
      'kubernetes.io/config.hash': pod.metadata.uid,
    });
    expect(parse(plain).metadata.uid).toBe(pod.metadata.uid);
    const changed = text('{containers: [{name: main, image: a:2}]}');
    expect(parse(changed).metadata.uid).not.toBe(pod.metadata.uid);
  });

  it('is the same however it is written', () => {
    const {uid} = parse(plain).metadata;
    expect(parse(`${plain}# changed\n`).metadata.uid).toBe(uid);
    const reordered =
      '{"spec": {"containers": [{"image": "a:1", "name": "main"}], "nodeName": null}, "metadata": {"name": "web"}, "kind": "Pod", "apiVersion": "v1"}';
    expect(parse(reordered).metadata.uid).toBe(uid);
    const elsewhere = parseStaticPod(plain, '/m/other.yaml', 'node-1', 'now');
    expect(elsewhere.metadata.uid).not.toBe(uid);
  });

  it('has the defaults of the API, and bears every NoExecute taint', () => {
    const {spec} = parse(plain);
    expect(spec).toMatchObject({
      restartPolicy: 'Always',
      nodeName: 'node-1',
      terminationGracePeriodSeconds: 30,
    });
    expect(spec.tolerations).toEqual([{operator: 'Exists', effect: 'NoExecute'}]);
    expect(spec.containers[0]?.terminationMessagePath).toBe('/dev/termination-log');
  });

  it('is defaulted as the API server does it, with a null as good as nothing', () => {
    const {spec, metadata} = parse(`
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels:
  annotations:
spec:
  restartPolicy:
  hostNetwork: true
  initContainers:
  volumes:
    - name: scratch
    - name: labels
      downwardAPI: {defaultMode: 0400}
    - name: etc
      hostPath: {path: /etc}
  containers:
    - name: main
      image: a
      env:
      ports: [{containerPort: 80}]
      resources: {limits: {cpu: 1, memory: 1Gi}}
      livenessProbe: {httpGet: {port: 80}}
`);
    expect(metadata).not.toHaveProperty('labels');
    expect(spec).toMatchObject({
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      enableServiceLinks: true,
    });
    expect(spec).not.toHaveProperty('initContainers');
    expect(spec.volumes).toEqual([
      {name: 'scratch', emptyDir: {}},
      {name: 'labels', downwardAPI: {defaultMode: 0o400}},
      {name: 'etc', hostPath: {path: '/etc', type: ''}},
    ]);
    expect(spec.containers[0]).toMatchObject({
      imagePullPolicy: 'Always',
      ports: [{containerPort: 80, hostPort: 80, protocol: 'TCP'}],
      resources: {requests: {cpu: '1', memory: '1Gi'}},
      livenessProbe: {httpGet: {path: '/', scheme: 'HTTP'}, timeoutSeconds: 1, periodSeconds: 10},
    });
    expect(spec.containers[0]).not.toHaveProperty('env');
  });

  it.each([
    ['nonsense', ': : :'],
    ['another kind', plain.replace('Pod', 'Service')],
    ['no containers', text('{containers: []}')],
    ['a bad name', text('{containers: [{name: a}]}', 'UPPER')],
    ['a number for a text', text('{containers: [{name: a, env: [{name: A, value: 1}]}]}')],
    ['a bomb', `a: &a [x]\nb: &b [${'*a,'.repeat(99)}*a]\nc: [${'*b,'.repeat(99)}*b]`],
  ])('is refused with %s', (_, content) => {
    expect(() => parse(content)).toThrow();
  });

  /** config/http_test.go, TestExtractInvalidPods, and what else the API's own validation refuses (ValidatePodCreate). */
  it.each([
    ['spec.volumes[0].name', '{volumes: [{name: _INVALID_}], containers: [{name: a, image: a:1}]}'],
    [
      'spec.volumes[1].name: Duplicate',
      '{volumes: [{name: v}, {name: v}], containers: [{name: a, image: a:1}]}',
    ],
    ['spec.containers[0].name', '{containers: [{name: _INVALID_, image: a:1}]}'],
    ['spec.containers[1].name: Duplicate', '{containers: [{name: a, image: a:1}, {name: a, image: a:1}]}'],
    [
      'spec.initContainers[0].name: Duplicate',
      '{containers: [{name: a, image: a:1}], initContainers: [{name: a, image: a:1}]}',
    ],
    ['spec.containers[0].image: Required', '{containers: [{name: a}]}'],
    [
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
      '{containers: [{name: a, image: a:1, volumeMounts: [{name: v, mountPath: /v}]}]}',
    ],
    ['spec.restartPolicy: Unsupported', '{restartPolicy: Sometimes, containers: [{name: a, image: a:1}]}'],
    [
      'spec.containers[0].ports[0].hostPort',
      '{containers: [{name: a, image: a:1, ports: [{containerPort: 1, hostPort: 70000}]}]}',
    ],
    [
      'spec.containers[0].livenessProbe: Required value: must specify a handler type',
      '{containers: [{name: a, image: a:1, livenessProbe: {}}]}',
    ],
    [
      'spec.containers[0].resources.requests',
      '{containers: [{name: a, image: a:1, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}]}',
    ],
  ])('is refused for %s', (why, spec) => {
    expect(() => parse(text(spec))).toThrow(`/m/web.yaml: invalid pod: ${why}`);
  });

  it('is what the API takes: kubeadm’s own is', () => {
    const spec =
      '{hostNetwork: true, priorityClassName: system-node-critical, securityContext: {seccompProfile: {type: RuntimeDefault}}, containers: [{name: etcd, image: etcd:3, command: [etcd], ports: [{name: probe-port, containerPort: 2381, protocol: TCP}], livenessProbe: {failureThreshold: 8, httpGet: {host: 127.0.0.1, path: /livez, port: probe-port, scheme: HTTP}, initialDelaySeconds: 10}, resources: {requests: {cpu: 100m, memory: 100Mi}}, volumeMounts: [{mountPath: /var/lib/etcd, name: etcd-data}]}], volumes: [{name: etcd-data, hostPath: {path: /var/lib/etcd, type: DirectoryOrCreate}}]}';
    expect(parse(text(spec)).spec.containers[0]?.ports?.[0]?.hostPort).toBe(2381);
  });

  /** pkg/api/pod, TestHasAPIReferences and config/common_test.go, by their meaning. */
  it.each([
    ['serviceaccounts', 'serviceAccountName: x'],
    ['secrets', 'imagePullSecrets: [{name: s}]'],
    ['secrets', 'initContainers: [{name: i, envFrom: [{secretRef: {name: s}}]}]'],
    [
      'secrets',
      'initContainers: [{name: i, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]',
    ],
    ['configmaps', 'initContainers: [{name: i, envFrom: [{configMapRef: {name: c}}]}]'],
    [
      'configmaps',
      'initContainers: [{name: i, env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}]',
    ],
    ['resourceclaims', 'resourceClaims: [{name: r, resourceClaimName: c}]'],
    ['configmaps', 'volumes: [{name: v, configMap: {name: c}}]'],
    ['secrets', 'volumes: [{name: v, secret: {secretName: s}}]'],
    ['secrets', 'volumes: [{name: v, iscsi: {targetPortal: p, iqn: q, lun: 0, secretRef: {name: s}}}]'],
    ['secrets', 'volumes: [{name: v, azureFile: {secretName: s, shareName: n}}]'],
    ['csidrivers', 'volumes: [{name: v, csi: {driver: d}}]'],
    ['endpoints', 'volumes: [{name: v, glusterfs: {endpoints: e, path: p}}]'],
    ['persistentvolumeclaims', 'volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]'],
    ['persistentvolumeclaims', 'volumes: [{name: v, ephemeral: {volumeClaimTemplate: {spec: {}}}}]'],
    ['configmaps', 'volumes: [{name: v, projected: {sources: [{configMap: {name: c}}]}}]'],
    ['secrets', 'volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]'],
    ['serviceaccounts', 'volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]'],
    ['clustertrustbundles', 'volumes: [{name: v, projected: {sources: [{clusterTrustBundle: {path: t}}]}}]'],
    [
      'podcertificates',
      'volumes: [{name: v, projected: {sources: [{podCertificate: {signerName: s, keyType: ED25519}}]}}]',
    ],
  ])('may not reference %s: %s', (what, part) => {
    expect(() => parse(text(`{${part}, containers: [{name: a}]}`))).toThrow(`may not reference ${what}`);
  });

  it.each([
    'imagePullSecrets: []',
    'volumes: [{name: v, hostPath: {path: /etc}}]',
    'volumes: [{name: v, projected: {sources: [{downwardAPI: {items: []}}]}}]',
    'volumes: [{name: v, nfs: {server: s, path: /p}}]',
  ])('needs nothing of the API with %s', (part) => {
    expect(parse(text(`{${part}, containers: [{name: a, image: a:1}]}`)).metadata.name).toBe('web-node-1');
  });

  it('of a URL bears no taint that it does not name itself (config/common.go, applyDefaults)', () => {
    const [pod] = parseStaticPods(plain, 'http://a/', 'node-1', 'now');
    expect(pod?.spec.tolerations ?? []).toEqual([]);
  });
});

describe('the mirror of a static pod', () => {
  const pod = parse(plain);
  const mirror = (hash = pod.metadata.uid, rest: object = {}): Pod => ({
    ...pod,
    metadata: {...pod.metadata, uid: 'mirror-1', annotations: {'kubernetes.io/config.mirror': hash}, ...rest},
  });

  it.each<[string, Pod[]]>([
    ['has gone', []],
    ['has changed', [parse(text('{containers: [{name: main, image: a:2}]}'))]],
  ])('stays until the containers have ended when the file %s', async (_, statics) => {
    let ending = true;
    const calls: string[] = [];
    const client = new Proxy({} as KubeClient, {
      get: (_target, name) => async () => {
        calls.push(String(name));
        return mirror();
      },
    });
    const mirrors = new Mirrors({
      client,
      nodeName: 'node-1',
      clock: realClock,
      log: silent,
      ending: () => ending,
    });
    mirrors.observed(mirror());
    mirrors.setStatics(statics);
    mirrors.ended();
    await new Promise(setImmediate);
    expect(calls).toEqual([]);
    // Another pod ends when nothing is under way.
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    mirrors.ended();
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    ending = false;
    mirrors.ended();
    await vi.waitFor(() => expect(calls).toEqual(['delete']));
    await mirrors.stop();
  });

  it.each<[string, Pod | undefined, Pod | undefined, string[]]>([
    ['is made when it is missing', pod, undefined, ['create']],
    ['stays while it fits', pod, mirror(), []],
    ['goes when the pod has changed', pod, mirror('old'), ['delete']],
    [
      'goes when somebody deletes it, to be made again',
      pod,
      mirror(undefined, {deletionTimestamp: 'x'}),
      ['delete'],
    ],
    ['goes with its pod', undefined, mirror(), ['delete']],
    ['is nothing where there is no pod', undefined, undefined, []],
  ])('%s', (_, object, image, expected) => {
    expect(decideMirror(object, image).acts.map((act) => act.do)).toEqual(expected);
  });
});

describe('the file of a static pod', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nodectl-static-'));
  });
  afterEach(() => rmSync(directory, {recursive: true}));

  /** Static pods of a real directory; workers that only remember. */
  async function start() {
    const path = join(directory, 'web.yaml');
    writeFileSync(path, plain);
    const store = new PodStore();
    const working: string[] = [];
    const ended: string[] = [];
    const workers = new Proxy({} as PodWorkers, {
      get: (_target, name) =>
        ({
          uids: () => working,
          hasOther: () => false,
          enqueue: (uid: string) => working.push(uid),
          interrupt: (uid: string) => ended.push(uid),
        })[String(name)],
    });
    const client = new Proxy({} as KubeClient, {get: () => async () => parse(plain)});
    const common = {nodeName: 'node-1', clock: realClock, log: silent};
    const mirrors = new Mirrors({...common, client, ending: () => true});
    const onPlaced = vi.fn();
    const telemetry = new Telemetry(0);
    const restarts = async () =>
      (await telemetry.registry.getSingleMetric('kubelet_restarted_pods_total')?.get())?.values.map(
        ({value}) => value,
      );
    const urls = {url: '', headers: {}, urlEveryMs: 60_000};
    const statics = new StaticPods({
      ...common,
      ...urls,
      store,
      workers,
      mirrors,
      directory,
      everyMs: 60_000,
      onPlaced,
      telemetry,
    });
    await vi.waitFor(() => expect(store.all()).toHaveLength(1));
    const stop = async () => {
      statics.stop();
      await mirrors.stop();
    };
    return {path, store, working, ended, statics, onPlaced, restarts, stop};
  }

  it('ends its pod when it was away for a moment, which then starts anew', async () => {
    const {path, store, working, ended, statics, restarts, stop} = await start();
    rmSync(path);
    writeFileSync(path, plain);
    await vi.waitFor(() => expect(ended).toHaveLength(1));
    statics.place();
    expect(store.all()).toEqual([]);
    working.length = 0;
    expect(await restarts()).toEqual([0, 0]);
    statics.place();
    expect(store.all()).toHaveLength(1);
    expect(await restarts()).toEqual([1, 0]);
    await stop();
  });

  /** config/file.go: listConfig takes a file as well, extractFromDir only regular files. */
  it('may be told by one file alone, and what is no regular file keeps nobody waiting', async () => {
    const told: Pod[][] = [];
    const sources = {everyMs: 60_000, nodeName: 'node-1', clock: realClock, log: silent};
    const from = (place: string) =>
      startStaticSource({...sources, directory: place, onPods: (pods) => told.push([...pods])});
    const path = join(directory, 'one.yaml');
    writeFileSync(path, plain);
    execFileSync('mkfifo', [join(directory, 'a-pipe')]);
    for (const place of [path, directory]) {
      told.length = 0;
      const source = from(place);
      await vi.waitFor(() => expect(told.at(-1)?.map(({metadata}) => metadata.name)).toEqual(['web-node-1']));
      source.stop();
    }
  });

  /** config/file.go: what the watch finds invalid is left as it was, and the next list does without it; one file alone stays. */
  it.each([
    [
      'ends its pod when it has become invalid and is so still at the next list, and starts it when it is good again',
      true,
    ],
    ['that is all there is keeps its pod while it is invalid', false],
  ])('%s', async (_, isDirectory) => {
    const path = join(directory, 'web.yaml');
    const broken = `${plain}  oops: [`;
    const told: string[][] = [];
    const errors: unknown[] = [];
    let list = () => {};
    const everyMs = 60_000;
    const clock: Clock = {
      ...realClock,
      after(ms, work) {
        if (ms !== everyMs) return realClock.after(ms, work);
        list = work;
        return () => undefined;
      },
    };
    writeFileSync(path, plain);
    const source = startStaticSource({
      directory: isDirectory ? directory : path,
      everyMs,
      nodeName: 'node-1',
      clock,
      log: {...silent, error: (_text, fields) => errors.push(fields)},
      onPods: (pods) => told.push(pods.map(({metadata}) => metadata.name)),
    });
    await vi.waitFor(() => expect(told).toEqual([['web-node-1']]));
    writeFileSync(path, broken);
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    expect(told.at(-1)).toEqual(['web-node-1']);
    list();
    if (isDirectory) await vi.waitFor(() => expect(told.at(-1)).toEqual([]));
    const before = told.length;
    list();
    writeFileSync(path, `${plain}# good again\n`);
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(before));
    expect(told.slice(before)).toEqual([['web-node-1']]);
    expect(errors).toHaveLength(1);
    source.stop();
  });

  it('counts last of those that name one pod, in the order of the files', async () => {
    const {path, store, working, statics, stop} = await start();
    const backup = `${path}.bak`;
    writeFileSync(backup, text('{containers: [{name: main, image: a:0}]}'));
    const images = () => store.all().map(({pod}) => pod.spec.containers[0]?.image);
    await vi.waitFor(() => expect(images()).toEqual(['a:0']));
    writeFileSync(join(directory, 'a.yaml'), text('{containers: [{name: main, image: a:9}]}'));
    writeFileSync(join(directory, 'other.yaml'), text('{containers: [{name: main, image: b:1}]}', 'other'));
    await vi.waitFor(() => expect(images()).toEqual(['a:0', 'b:1']));
    rmSync(backup);
    await vi.waitFor(() => expect(images()).not.toContain('a:0'));
    working.length = 0;
    statics.place();
    expect(images().sort()).toEqual(['a:1', 'b:1']);
    await stop();
  });

  it('changes a pod with a UID of its own where it is', async () => {
    const own = (image: string) =>
      `apiVersion: v1\nkind: Pod\nmetadata: {name: own, uid: fixed}\nspec: {containers: [{name: main, image: '${image}'}]}\n`;
    const {store, ended, stop} = await start();
    const file = join(directory, 'own.yaml');
    const image = () => store.get('fixed')?.pod.spec.containers[0]?.image;
    writeFileSync(file, own('a:1'));
    await vi.waitFor(() => expect(image()).toBe('a:1'));
    writeFileSync(file, own('a:2'));
    await vi.waitFor(() => expect(image()).toBe('a:2'));
    expect(ended).toEqual([]);
    await stop();
  });

  it('does not when another file with the same content takes its place', async () => {
    const {path, ended, onPlaced, stop} = await start();
    writeFileSync(join(directory, '.draft'), plain);
    renameSync(join(directory, '.draft'), path);
    const before = onPlaced.mock.calls.length;
    writeFileSync(join(directory, 'other.yaml'), text('{containers: [{name: main, image: a:1}]}', 'other'));
    await vi.waitFor(() => expect(onPlaced.mock.calls.length).toBeGreaterThan(before));
    expect(ended).toEqual([]);
    await stop();
  });
});
