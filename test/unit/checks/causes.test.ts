import {describe, expect, it} from 'vitest';
import {judgeDaemons} from '../../../src/checks/host/kernel/open-files.ts';
import {pairProblem} from '../../../src/checks/identity/client-certificate.ts';
import {judgeFirewall} from '../../../src/checks/network/kubelet-firewall.ts';
import {imageCause} from '../../../src/checks/pods/causes/image-cause.ts';
import {refusalCause} from '../../../src/checks/pods/causes/refusal-cause.ts';
import {startCause} from '../../../src/checks/pods/causes/start-cause.ts';
import {endedByUs} from '../../../src/checks/pods/crashes.ts';
import {judgeStatic} from '../../../src/checks/pods/static-files.ts';
import {judgeForward} from '../../../src/checks/proxy/forward-drop.ts';
import {judgeRuntime, notLoaded} from '../../../src/checks/runtime/answers.ts';
import {judgePlugins} from '../../../src/checks/runtime/cni-plugins.ts';
import {
  judgeBridge,
  masquerades,
  type Observed,
  settledPods,
} from '../../../src/checks/runtime/pod-bridge.ts';
import {parseRuleset} from '../../../src/edges/nftables/nft-sight.ts';
import {cniBinDirsOf} from '../../../src/edges/runtime/runtime-sight.ts';
import {createCa, generateKey} from '../../../src/edges/trust/x509.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';

describe('why an image cannot be had', () => {
  const pull =
    'Back-off pulling image "r.example/a:1": ErrImagePull: failed to pull and unpack image "r.example/a:1"';
  const head = 'failed to do request: Head "https://r.example/v2/a/manifests/1"';
  it.each([
    [`${pull}: ${head}: dial tcp: lookup r.example on 10.0.0.2:53: no such host`, 'name is not found'],
    [
      `${pull}: ${head}: dial tcp: lookup r.example on 10.0.0.2:53: read udp 1:1->2:53: i/o timeout`,
      'name is not found',
    ],
    [`${pull}: ${head}: dial tcp 192.0.2.1:443: i/o timeout`, 'does not answer'],
    [`${pull}: ${head}: dial tcp 192.0.2.1:443: connect: connection refused`, 'does not answer'],
    [`${pull}: ${head}: proxyconnect tcp: dial tcp 10.1.1.1:3128: connect: connection refused`, 'HTTP proxy'],
    [
      `${pull}: ${head}: tls: failed to verify certificate: x509: certificate signed by unknown authority`,
      'not trusted',
    ],
    [
      `${pull}: ${head}: x509: certificate has expired or is not yet valid: current time 2020-01-01`,
      'this clock',
    ],
    [`${pull}: ${head}: http: server gave HTTP response to HTTPS client`, 'plain HTTP'],
    [`${pull}: unexpected status from HEAD request: 429 Too Many Requests`, 'rate limit'],
    [`${pull}: pull access denied, repository does not exist or may require authorization`, 'wants a login'],
    [`${pull}: unexpected status code [manifests 1]: 401 Unauthorized`, 'wants a login'],
    [
      `${pull}: failed to resolve reference "r.example/a:1": r.example/a:1: not found`,
      'no such image or tag',
    ],
    [`${pull}: no match for platform in manifest: not found`, 'not made for this processor'],
    [`${pull}: failed to extract layer sha256:1: write /x: no space left on device`, 'disk is full'],
    [
      `failed to create containerd container: error unpacking image: content digest sha256:2: not found`,
      'damaged',
    ],
    [
      'Container image "x:1" is not present with pull policy of Never',
      'may never be pulled',
      'ErrImageNeverPull',
    ],
    [
      'Failed to apply default image tag "A": couldn\'t parse image name',
      'name is not valid',
      'InvalidImageName',
    ],
  ])('%s', (message, what, reason = 'ImagePullBackOff') => {
    expect(imageCause(reason, message)?.what).toContain(what);
  });
  it('names the registry in what to type', () => {
    const next = (message: string, image: string) => imageCause('', message)?.next(image);
    expect(next('dial tcp 1.2.3.4:5000: connection refused', 'r.example:5000/a/b:1')).toContain(
      'https://r.example:5000/v2/',
    );
    expect(next('dial tcp 1.2.3.4:443: i/o timeout', 'library/nginx')).toContain('registry-1.docker.io');
  });
  it('says nothing of words that it does not know', () => {
    expect(imageCause('ErrImagePull', 'something else')).toBeUndefined();
  });
});

describe('why a pod is refused', () => {
  it.each([
    [
      "Node didn't have enough resource: hugepages-2Mi, requested: 20971520, used: 0, capacity: 0",
      'has no hugepages-2Mi',
    ],
    ["Node didn't have enough resource: cpu, requested: 4000, used: 500, capacity: 2000", 'too little cpu'],
    ['Cannot enforce AppArmor: AppArmor is not enabled on the host', 'AppArmor'],
    ['forbidden sysctl: "kernel.msgmax" not allowlisted', 'kernel.msgmax'],
    ['Predicate NodeAffinity failed: node(s) did not match', 'labels'],
    ["Failed to admit pod as the OS field doesn't match node OS", 'operating system'],
    ['The node had condition: [DiskPressure]. ', 'under DiskPressure'],
    ['something else', undefined],
  ])('%s', (message, what) => {
    const cause = refusalCause(`Pod was rejected: ${message}`, 'n1');
    if (what === undefined) expect(cause).toBeUndefined();
    else expect(cause?.what).toContain(what);
    expect(cause?.next ?? '').not.toContain('NAME');
  });
});

describe('why a container ends', () => {
  const crash = {
    pod: 'n/p',
    container: 'c',
    reason: 'CrashLoopBackOff',
    message: 'back-off',
    ageMs: 9,
    endedBy: 'exit 0',
  };
  const trouble = (reason: string, message: string, pod = 'n/p') => ({pod, reason, message, ageMs: 1});
  it.each([
    [
      'a liveness probe',
      [trouble('Unhealthy', 'Liveness probe failed: refused')],
      {},
      'its liveness probe fails',
    ],
    ['a readiness probe', [trouble('Unhealthy', 'Readiness probe failed: refused')], {}, 'exit 0'],
    ['another pod’s probe', [trouble('Unhealthy', 'Liveness probe failed: refused', 'n/q')], {}, 'exit 0'],
    ['a hook', [trouble('FailedPostStartHook', 'PostStartHook failed')], {}, 'its postStart hook fails'],
    ['itself', [trouble('Unhealthy', 'Liveness probe failed: refused')], {endedBy: 'exit 3'}, 'exit 3'],
  ])('by %s', (_, troubles, more, by) => expect(endedByUs({...crash, ...more}, troubles).endedBy).toBe(by));
});

describe('why a pod does not start', () => {
  it.each([
    ['MountVolume.SetUp failed for volume "c" : configmap "gone" not found', 'there is no configmap gone'],
    ["couldn't find key user in Secret default/login", 'Secret default/login has no key user'],
    [
      'driver name ebs.csi.aws.com not found in the list of registered CSI drivers',
      'CSI driver ebs.csi.aws.com',
    ],
    [
      'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node',
      'another node',
    ],
    ['hostPath type check failed: /etc/hosts is not a directory', '/etc/hosts is no directory'],
    ['failed to get sandbox runtime: no runtime for "kata" is configured', 'no runtime handler kata'],
    [
      'cannot load seccomp profile "/var/lib/kubelet/seccomp/m.json": open /var/lib/kubelet/seccomp/m.json: no such file or directory',
      'profile /var/lib/kubelet/seccomp/m.json is not there',
    ],
    ['unable to join session keyring: unable to create session key: disk quota exceeded', 'keys are used up'],
    [
      'container has runAsNonRoot and image will run as root (pod: "p", container: m)',
      'must not run as root',
    ],
    [
      'runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH',
      'no program nope',
    ],
    ['exec /app: exec format error', 'another processor'],
    [
      'plugin type="host-local" failed (add): no IP addresses available in range set: 10.1.0.1-10.1.0.2',
      'no address is left',
    ],
    [
      'failed to set bridge addr: "cni0" already has an IP address different from 10.244.1.1/24',
      'another address than 10.244.1.1/24',
    ],
    [
      'loadFlannelSubnetEnv failed: open /run/flannel/subnet.env: no such file or directory',
      'flannel does not run',
    ],
    ['stat /var/lib/calico/nodename: no such file or directory', 'calico does not run'],
    ['failed to find plugin "bridge" in path [/opt/cni/bin]', 'CNI plugin bridge is not installed'],
    ['failed to reserve sandbox name "a_b_c_0": name "a_b_c_0" is reserved for "1f5c"', 'an earlier attempt'],
    ['rpc error: code = DeadlineExceeded desc = context deadline exceeded', 'did not answer in time'],
    [
      'plugin type="calico" failed (add): error getting ClusterInformation: connection is unauthorized: Unauthorized',
      'refuses the network plugin calico',
    ],
    [
      'mount failed: exit status 32\nMounting arguments: -t nfs 10.0.0.5:/e /v\nOutput: mount: /v: bad option; you might need a /sbin/mount.<type> helper program.',
      'what mounts nfs is not installed',
    ],
    [
      'mount.nfs: access denied by server while mounting 10.0.0.5:/e',
      'does not let this node mount 10.0.0.5:/e',
    ],
    [
      'iscsiadm: cannot make connection to 10.0.0.9: No route to host',
      'server is not reached: no route to host',
    ],
    ['path "/data" is mounted on "/" but it is not a shared mount', '/ is not shared'],
    ['error during container init: write /proc/self/attr/keycreate: permission denied', 'SELinux'],
    ['Timeout waiting for systemd to create cri-containerd-1.scope', 'systemd makes no cgroup'],
    ['mkdir /sys/fs/cgroup/memory/kubepods/pod1: no space left on device', 'no more cgroups'],
    ['fork/exec /usr/bin/containerd-shim-runc-v2: resource temporarily unavailable', 'no process'],
    [
      'error processing PVC n/p: failed to fetch PVC: persistentvolumeclaims "p" not found',
      'no persistentvolumeclaim p',
    ],
    [
      'unable to start container process: container init was OOM-killed (memory limit too low?)',
      'memory limit is too low',
    ],
    ['exec /bin/sh: argument list too long', 'each Service of its namespace'],
    [
      'error mounting "/v" to rootfs at "/bin/hello": mount /v:/bin/hello (via /proc/self/fd/6), flags: 0x5000: not a directory',
      'of /bin/hello and what is mounted there, one is a file',
    ],
    ['error mounting "/v" to rootfs at "/a/b": mkdirat /r/a/b: read-only file system', '/a/b cannot be made'],
    [
      'unable to start container process: error during container init: mkdir /etc/hosts: not a directory',
      'workingDir',
    ],
    ['unable to find user web: no matching entries in passwd file', 'does not know the user web'],
    [
      'container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root',
      'cannot be told',
    ],
    ["container's runAsUser breaks non-root policy", 'runAsUser asks for'],
    ["can't set `spec.hostUsers: false`, runtime does not support user namespaces", 'containerd 2.0'],
    ['missing value for NOPE', 'a variable NOPE'],
    ['failed to prepare subPath for volumeMount "v" of container "main"', 'subPath of its volume v'],
    [
      'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: no',
      'no key no',
    ],
    ['volume mode "Ephemeral" not supported by driver x.y (no CSIDriver object)', 'no CSI driver x.y'],
    ['this machine cannot mount NFS: there is no /sbin/mount.nfs', 'nfs is not installed'],
    ['volumes of kind iscsi are not supported on this node', 'no iscsi volumes'],
  ])('%s', (message, what) => {
    expect(startCause(message)?.what).toContain(what);
  });
  it('says nothing of words that it does not know', () => {
    expect(startCause('something else')).toBeUndefined();
  });
});

describe('the pods’ bridge', () => {
  const well: Observed = {
    bridge: {name: 'cni0', subnets: ['10.244.0.0/24'], masquerades: true},
    seen: {up: true, addresses: ['10.244.0.1'], ports: 2},
    sandboxes: 2,
    settled: 2,
    masqueraded: true,
  };
  const seen = well.seen ?? {up: true, addresses: [], ports: 0};
  it.each([
    ['well', well, ''],
    ['not made yet', {...well, seen: undefined, sandboxes: 0, settled: 0}, ''],
    ['gone', {...well, seen: undefined}, 'ND509 the pods’ bridge cni0 is gone: 2 pods have no network'],
    [
      'of another network',
      {...well, seen: {...seen, addresses: ['10.85.0.1']}},
      'ND509 the pods’ bridge cni0 has the address 10.85.0.1 of another network',
    ],
    ['with a second address', {...well, seen: {...seen, addresses: ['10.85.0.1', '10.244.0.1']}}, ''],
    ['down', {...well, seen: {...seen, up: false}}, 'ND509 the pods’ bridge cni0 is down'],
    [
      'without an address',
      {...well, seen: {...seen, addresses: []}},
      'ND509 the pods’ bridge cni0 has no address: pods reach nothing but each other',
    ],
    [
      'made anew',
      {...well, seen: {...seen, ports: 1}},
      'ND509 only 1 of 2 pods are plugged into the bridge cni0: it was made anew',
    ],
    ['with more links than pods', {...well, seen: {...seen, ports: 9}}, ''],
    [
      'without masquerading',
      {...well, masqueraded: false},
      'ND518 pods reach nothing beyond this node: their masquerading rules were flushed',
    ],
    ['without masquerading or pods', {...well, masqueraded: false, settled: 0}, ''],
  ])('%s', (_, given, expected) => {
    const [finding] = judgeBridge(given);
    expect(finding === undefined ? '' : `${finding.code} ${finding.message.split('\n')[0]}`).toBe(expected);
  });

  const nowMs = 10 ** 12;
  const pod = (ip: string, seconds: number, more: Partial<Pod['spec']> = {}): Pod => ({
    metadata: {name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1'},
    spec: {containers: [{name: 'm'}], ...more},
    status: {phase: 'Running', podIP: ip, startTime: new Date(nowMs - seconds * 1000).toISOString()},
  });
  it('counts only pods that have been on it for a while', () => {
    const pods = [
      pod('10.244.0.5', 90),
      pod('10.244.0.6', 9),
      pod('10.1.1.1', 90),
      pod('10.244.0.7', 90, {hostNetwork: true}),
    ];
    expect(settledPods(pods, well.bridge, nowMs)).toBe(1);
  });
  it.each([
    [
      'iptables-nft',
      'table ip nat {\n\tchain POSTROUTING {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n\t\tip saddr 10.244.0.4 counter packets 0 bytes 0 jump CNI-4e1f\n\t}\n}',
      [],
      true,
    ],
    [
      'flushed',
      'table ip nat {\n\tchain POSTROUTING {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n\t}\n\tchain CNI-4e1f {\n\t}\n}',
      [],
      false,
    ],
    ['iptables-legacy', '', ['nat -A POSTROUTING -s 10.244.0.4/32 -j CNI-4e1f'], true],
    ['the plugin’s own table', 'table inet cni_plugins_masquerade {\n}', [], true],
  ])('sees its masquerading: %s', (_, nft, legacy, expected) => {
    expect(masquerades(parseRuleset(nft), legacy)).toBe(expected);
  });
});

describe('firewalls', () => {
  const firewalld = (inZones: string, forwardZones: string) =>
    parseRuleset(`table inet firewalld {
\tchain filter_INPUT {
\t\ttype filter hook input priority filter + 10; policy accept;
\t\tct state { established, related } accept
\t\tct status dnat accept
\t\tiifname "lo" accept
\t\tjump filter_INPUT_ZONES
\t\treject with icmpx admin-prohibited
\t}
\tchain filter_FORWARD {
\t\ttype filter hook forward priority filter + 10; policy accept;
\t\tct state { established, related } accept
\t\tjump filter_FORWARD_ZONES
\t\treject with icmpx admin-prohibited
\t}
\tchain filter_INPUT_ZONES {
\t\t${inZones}
\t}
\tchain filter_FORWARD_ZONES {
\t\t${forwardZones}
\t}
\tchain filter_IN_public {
\t\ttcp dport { 22, 10250 } accept
\t}
\tchain filter_IN_trusted {
\t\taccept
\t}
}`);
  it.each([
    ['closed', 'tcp dport 22 accept', ['ND319']],
    ['open in a zone', 'iifname "eth0" goto filter_IN_public', []],
    ['open for pods alone', 'iifname "cni0" goto filter_IN_trusted', ['ND319']],
  ])('firewalld: the kubelet’s port is %s', (_, zones, expected) => {
    const found = judgeFirewall(firewalld(zones, ''), [], 10250);
    expect(found.map(({code}) => code)).toEqual(expected);
    for (const {next} of found) expect(next[0]).toContain('firewall-cmd --permanent --add-port=10250/tcp');
  });
  it.each([
    ['not known', 'iifname "eth0" goto filter_FWD_public', ['ND745']],
    ['in the trusted zone by their link', 'iifname "cni0" goto filter_FWD_trusted', []],
    ['in the trusted zone by their range', 'ip saddr 10.244.3.0/24 goto filter_FWD_trusted', []],
  ])('firewalld: pods are %s', (_, zones, expected) => {
    const found = judgeForward(firewalld('', zones), [], '10.244.3.0/24');
    expect(found.map(({code}) => code)).toEqual(expected);
    for (const {next} of found) expect(next[0]).toContain('--zone=trusted --add-source=10.244.3.0/24');
  });
  it('ufw: routed packets are dropped', () => {
    const ufw = parseRuleset(
      'table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n\t\tcounter packets 1 bytes 2 jump ufw-before-forward\n\t}\n\tchain ufw-before-forward {\n\t\tct state related,established accept\n\t}\n}',
    );
    expect(judgeForward(ufw, [], '10.244.3.0/24')).toMatchObject([
      {code: 'ND745', next: ['sudo ufw default allow routed']},
    ]);
  });
});

describe('what else is broken', () => {
  it('a certificate and its key', async () => {
    const ca = await createCa('a', 1);
    expect(pairProblem(ca.cert, ca.key)).toBeUndefined();
    expect(pairProblem('', '')).toBe('is empty');
    expect(pairProblem('hi\n', 'hi\n')).toBe('has no certificate and key');
    expect(pairProblem(ca.cert, generateKey())).toBe('has a key that is not its certificate’s');
  });
  it('a CRI plugin that could not be loaded, as containerd 1 and 2 say it', () => {
    const one =
      'level=warning msg="failed to load plugin io.containerd.grpc.v1.cri" error="failed: \\"content-service\\": invalid database"';
    const two =
      'level=warning msg="failed to load plugin" error="no snapshotter" id=io.containerd.grpc.v1.cri type=io.containerd.grpc.v1';
    const start = 'level=info msg="starting containerd" revision=1';
    expect(notLoaded([start, one])).toBe('failed: "content-service": invalid database');
    expect(notLoaded([start, two])).toBe('no snapshotter');
    expect(notLoaded([one, start])).toBeUndefined();
    expect(notLoaded([start, one.replace('grpc.v1.cri', 'snapshotter.v1.btrfs')])).toBeUndefined();
    const [finding] = judgeRuntime({kind: 'no-cri', detail: ''}, undefined, 'restart', 'invalid database');
    expect(finding?.message).toContain('could not load its CRI plugin\ninvalid database');
    expect(finding?.next[0]).toContain('move /var/lib/containerd away');
  });
  it('a CNI plugin that is no program', () => {
    const plugin = {type: 'bridge', path: '/opt/cni/bin/bridge', runs: true};
    const judge = (one: typeof plugin | {type: string; path: undefined; runs: false}) =>
      judgePlugins([one], '/f', ['/opt/cni/bin']).map(({message}) => message.split('\n')[0]);
    expect(judge(plugin)).toEqual([]);
    expect(judge({...plugin, runs: false})).toEqual(['the CNI plugin bridge cannot be executed']);
    expect(judge({...plugin, path: undefined, runs: false})).toEqual([
      'the CNI plugin bridge is not installed',
    ]);
  });
  it('where containerd looks for CNI plugins', () => {
    expect(cniBinDirsOf('{"cni": {"binDir": "/a", "confDir": "/b"}}')).toEqual(['/a']);
    expect(cniBinDirsOf('{"cni": {"binDir": "", "binDirs": ["/a", "/b"]}}')).toEqual(['/a', '/b']);
    expect(cniBinDirsOf('{}')).toBeUndefined();
    expect(cniBinDirsOf('{')).toBeUndefined();
  });
  it('a daemon without open files left', () => {
    const daemon = {daemon: 'containerd', pid: 7, used: 1000, max: 1024} as const;
    expect(judgeDaemons([daemon])).toMatchObject([{code: 'ND128', severity: 'error'}]);
    expect(judgeDaemons([{...daemon, used: 900}])).toEqual([]);
    expect(judgeDaemons([{...daemon, max: 0}])).toEqual([]);
  });
  it('a static pod’s file', () => {
    expect(judgeStatic([])).toEqual([]);
    expect(judgeStatic([{path: '/m/x.yaml', why: 'spec: a\n  ^^'}])).toMatchObject([
      {code: 'ND759', severity: 'warning', message: '/m/x.yaml is no pod: it is not started\nspec: a'},
    ]);
  });
});
