import {describe, expect, it} from 'vitest';
import type {Finding} from '../../../src/checks/check.ts';
import {judgeDisks, judgeRoom} from '../../../src/checks/host/disk/disk-room.ts';
import {nearlyUsed} from '../../../src/checks/host/kernel/kernel-limits.ts';
import {judgeMemory} from '../../../src/checks/host/memory/memory-room.ts';
import {judgeResolvConf} from '../../../src/checks/host/resolv-conf.ts';
import {judgeCertificate} from '../../../src/checks/identity/client-certificate.ts';
import {judgeKubeletHealth} from '../../../src/checks/kubelet/health.ts';
import {judgeLease} from '../../../src/checks/kubelet/lease.ts';
import {judgeKubelets, rootOf} from '../../../src/checks/kubelet/other-kubelet.ts';
import {judgeAnswer} from '../../../src/checks/network/api-server.ts';
import type {DaemonSight} from '../../../src/checks/node/context.ts';
import {judgeDaemon} from '../../../src/checks/node/judge-daemon.ts';
import {judgeHealth} from '../../../src/checks/node/judge-health.ts';
import {lastWords, saidCode} from '../../../src/checks/node/last-words.ts';
import {judgeForeign} from '../../../src/checks/proxy/foreign-rules.ts';
import {judgeRuntime} from '../../../src/checks/runtime/answers.ts';
import {judgeNetwork} from '../../../src/checks/runtime/pod-network.ts';
import {notTrue} from '../../../src/checks/runtime/ready.ts';
import {judgeShims} from '../../../src/checks/runtime/shims.ts';
import {judgeRefusal} from '../../../src/checks/trust/authorized.ts';
import {parseRuleset} from '../../../src/edges/nftables/nft-sight.ts';

const brief = (findings: readonly Finding[]) => findings.map(({code, severity}) => `${severity} ${code}`);
const day = 86_400_000;

describe('the host', () => {
  const space = {
    path: '/x',
    freeBytes: 50 * 2 ** 30,
    totalBytes: 100 * 2 ** 30,
    freeInodes: 500,
    totalInodes: 1000,
  };
  it.each([
    ['room', space, []],
    ['no byte', {...space, freeBytes: 0}, ['error ND106']],
    ['no inode', {...space, freeInodes: 0}, ['error ND106']],
    ['less than the threshold', {...space, freeBytes: 9 * 2 ** 30}, ['error ND107']],
    ['few inodes', {...space, freeInodes: 49}, ['error ND107']],
    ['no fixed inodes', {...space, freeInodes: 0, totalInodes: 0}, []],
  ])('a disk with %s', (_, given, expected) => {
    expect(brief(judgeRoom(given, '10%', '5%'))).toEqual(expected);
  });
  const limits = {room: '10%', inodes: '5%', imageRoom: '15%'};
  const free = (percent: number, totalGiB = 100) => ({
    ...space,
    freeBytes: (percent / 100) * totalGiB * 2 ** 30,
    totalBytes: totalGiB * 2 ** 30,
  });
  it.each([
    ['one disk with room', [free(16)], free(16), []],
    ['one disk with too little room for images', [free(14)], free(14), ['error ND107 imagefs']],
    ['one disk with too little room', [free(9), free(9)], free(9), ['error ND107 nodefs']],
    ['two disks, one short', [free(50)], free(14, 200), ['error ND107 imagefs']],
    ['two disks, both short', [free(9)], free(14, 200), ['error ND107 nodefs', 'error ND107 imagefs']],
  ])('%s', (_, node, images, expected) => {
    const found = judgeDisks(node, [images], limits);
    expect(
      found.map(
        ({severity, code, message}) => `${severity} ${code} ${/(\w+)\.available/.exec(message)?.[1]}`,
      ),
    ).toEqual(expected);
  });
  it.each([
    [200, '100Mi', []],
    [99, '100Mi', ['error ND108']],
    [99, '5%', []],
    [49, '5%', ['error ND108']],
  ])('%i MiB of 1000 with a threshold of %s', (mebibytes, threshold, expected) => {
    expect(brief(judgeMemory(mebibytes * 2 ** 20, 1000 * 2 ** 20, threshold))).toEqual(expected);
  });
  it.each([
    [10, 100, []],
    [90, 100, ['warning ND124']],
    [99, 100, ['error ND124']],
    [5, 0, []],
  ])('%i of %i process numbers', (used, max, expected) => {
    expect(brief(nearlyUsed({used, max}, 'ND124', 'process numbers', ''))).toEqual(expected);
  });
  it.each([
    ['nameserver 192.0.2.1\n', []],
    ['search a\nnameserver 127.0.0.53\n', ['warning ND126']],
    ['nameserver ::1', ['warning ND126']],
    ['# nameserver 127.0.0.1\n', []],
  ])('resolv.conf %j', (text, expected) => {
    expect(brief(judgeResolvConf('/etc/resolv.conf', text))).toEqual(expected);
  });
});

describe('the identity', () => {
  const good = {notBeforeMs: 0, notAfterMs: 100 * day};
  it.each([
    ['in its middle', good, 50, []],
    ['expired', good, 101, ['error ND417']],
    ['not valid yet', good, -1, ['error ND316']],
    ['that should have been renewed', good, 96, ['warning ND414']],
  ])('a certificate %s', (_, seen, days, expected) => {
    expect(brief(judgeCertificate(seen, days * day))).toEqual(expected);
  });
});

describe('a refusal', () => {
  const refused = {kind: 'refused', httpCode: 401, message: 'Unauthorized'} as const;
  it.each([
    ['of a stranger', refused, true, ['error ND415']],
    ['of one of its own', refused, false, ['error ND416']],
    ['that is none', {kind: 'missing'} as const, true, []],
  ])('%s', (_, node, foreign, expected) => {
    expect(brief(judgeRefusal(node, foreign))).toEqual(expected);
  });
});

const status = {installed: true, enabled: true, running: true, restarting: false, restarts: 0};
const sight = (given: Partial<DaemonSight['status']>, upMs: number | undefined = 10 ** 6): DaemonSight => ({
  status: {...status, ...given},
  upMs,
  log: ['{"level":30,"msg":"starting"}', '{"level":50,"msg":"it broke","error":"EBAD"}', 'bye'],
});

describe('a daemon', () => {
  const words = {
    who: 'the kubelet',
    unit: 'nodectl-kubelet',
    stopped: 'ND733',
    looping: 'ND703',
    restart: 'r',
    logs: 'l',
  } as const;
  it.each([
    ['that runs', sight({}), []],
    ['that ended often, long ago', sight({restarts: 9}), []],
    ['that ended often, lately', sight({restarts: 3}, 1000), ['error ND703']],
    ['that restarts', sight({running: false, restarting: true}, undefined), ['error ND703']],
    ['that is stopped', sight({running: false}, undefined), ['error ND733']],
    ['that is not installed', sight({installed: false, running: false}, undefined), ['error ND733']],
    ['that is masked', sight({installed: false, unusable: 'masked', running: false}), ['error ND733']],
    [
      'that runs, with a damaged description',
      sight({installed: false, unusable: 'damaged'}),
      ['error ND733'],
    ],
  ])('%s', (_, seen, expected) => {
    expect(brief(judgeDaemon(seen, words))).toEqual(expected);
  });
  it('that systemd could not even begin is helped by its unit, not by a restart', () => {
    const [found] = judgeDaemon(sight({running: false, restarting: true, lastExit: 'exit 203'}), words);
    expect(found?.next).toEqual([
      'systemctl cat nodectl-kubelet',
      'Run the same nodectl join again: it writes the file.',
    ]);
    const [other] = judgeDaemon(sight({running: false, restarting: true, lastExit: 'exit 7'}), words);
    expect(other?.next).toEqual(['l', 'r']);
  });
  it('says its last words', () => {
    expect(judgeDaemon(sight({running: false, lastExit: 'exit 1'}), words)[0]?.message).toBe(
      'the kubelet is not running (exit 1)\nits last words: it broke: EBAD',
    );
  });
  it.each([
    [['one', 'two'], 'two'],
    [
      ['error ND999 unexpected error', '  EEXIST: x', '  try: y', '  more: nodectl explain ND999'],
      'EEXIST: x',
    ],
    [
      ['time="x" level=fatal msg="no \\"root\\"" error="EBAD"', 'time="x" level=info msg=later'],
      'no "root": EBAD',
    ],
    [['level=info msg="fine"'], 'fine'],
    // The two formats that `logging.format` asks for.
    [['{"ts":1,"msg":"it broke","err":"EBAD"}', '{"ts":2,"msg":"later","v":0}'], 'it broke: EBAD'],
    [
      [
        'E1122 02:41:41.123000    1234 nodectl:0] "it broke" err="EBAD"',
        'I1122 02:41:42.123000    1234 nodectl:0] "later"',
      ],
      '"it broke" err="EBAD"',
    ],
    // systemd keeps its books in the same journal.
    [
      [
        'level=info msg="Stop CRI service"',
        'Stopping containerd.service - containerd container runtime...',
        'containerd.service: Main process exited, code=exited, status=1/FAILURE',
        "containerd.service: Failed with result 'exit-code'.",
        'containerd.service: Deactivated successfully.',
        'Stopped containerd.service - containerd container runtime.',
        'containerd.service: Consumed 9.826s CPU time, 39.5M memory peak.',
      ],
      'Stop CRI service',
    ],
    [
      [
        '{"level":50,"msg":"an earlier error"}',
        'nodectl-kubelet.service: Watchdog timeout (limit 1min)!',
        'nodectl-kubelet.service: Killing process 7 (kubelet) with signal SIGABRT.',
        "nodectl-kubelet.service: Failed with result 'watchdog'.",
      ],
      'nodectl-kubelet.service: Watchdog timeout (limit 1min)!',
    ],
    // What it says of a program that it cannot start nobody else can say.
    [
      [
        '{"level":50,"msg":"an earlier run"}',
        'nodectl-kubelet.service: Failed at step EXEC spawning /usr/bin/kubelet: No such file or directory',
        "nodectl-kubelet.service: Failed with result 'exit-code'.",
        'Failed to start nodectl-kubelet.service - Kubelet.',
      ],
      'nodectl-kubelet.service: Failed at step EXEC spawning /usr/bin/kubelet: No such file or directory',
    ],
  ])('of %j the words are %j', (log, expected) => {
    expect(lastWords(log)).toEqual([`its last words: ${expected}`]);
  });
  it('has no words without a log', () => expect(lastWords(['', ''])).toEqual([]));
  it('does not run where its manager says so, though another look at it came too late', () => {
    const dead = sight({running: false, lastExit: 'exit 1'}, undefined);
    const context = {joined: 'yes', rootFlag: ''} as const;
    expect(brief(judgeKubeletHealth({kind: 'refused'}, dead, context))).toEqual(['error ND733']);
    expect(brief(judgeKubeletHealth({kind: 'refused'}, sight({}), context))).toEqual(['error ND736']);
    expect(brief(judgeKubeletHealth({kind: 'ok'}, dead, context))).toEqual([]);
  });

  it.each([
    [{kind: 'ok'}, 10 ** 6, []],
    [{kind: 'refused'}, 2000, ['warning ND736']],
    [{kind: 'refused'}, 10 ** 6, ['error ND736']],
    [{kind: 'sick', status: 500, body: 'no'}, 10 ** 6, ['error ND736']],
    [{kind: 'silent', detail: ''}, 10 ** 6, ['error ND736']],
  ] as const)('health %o after %i ms', (health, upMs, expected) => {
    expect(brief(judgeHealth(health, sight({}, upMs), 'it', ''))).toEqual(expected);
  });
});

describe('the runtime', () => {
  const answers = {
    kind: 'answers',
    name: 'c',
    version: '1',
    conditions: [],
    sandboxIds: [],
    cgroupDriver: undefined,
    cniBinDirs: undefined,
  } as const;
  const silent = {kind: 'no-socket', detail: 'ENOENT'} as const;
  it.each([
    ['answers', answers, undefined, []],
    ['serves no CRI', {kind: 'no-cri', detail: ''} as const, undefined, ['error ND507']],
    ['is stopped', silent, sight({running: false}), ['error ND501']],
    ['loops', silent, sight({running: false, restarting: true}), ['error ND505']],
    ['runs and is silent', {kind: 'silent', detail: ''} as const, sight({}), ['error ND501']],
    ['is nobody’s service', silent, sight({installed: false, running: false}), ['error ND501']],
  ])('that %s', (_, seen, service, expected) => {
    expect(brief(judgeRuntime(seen, service, 'r'))).toEqual(expected);
  });
  it.each([
    [true, []],
    [false, ['error ND509']],
  ])('NetworkReady %s', (ready, expected) => {
    const condition = {type: 'NetworkReady', status: ready, reason: 'r', message: 'm'};
    expect(brief(notTrue([condition], 'NetworkReady', 'ND509'))).toEqual(expected);
  });
  it('that has not read the network’s configuration, which is well, is to be started again', () => {
    const condition = {type: 'NetworkReady', status: false, reason: 'NetworkPluginNotReady'};
    const unread = 'Network plugin returns error: cni plugin not initialized';
    const told = (message: string) => judgeNetwork([{...condition, message}], '/etc/cni/net.d', 'r');
    expect(told(unread)[0]).toMatchObject({code: 'ND509', severity: 'error', next: ['r']});
    expect(told('something else')[0]?.message).toBe(
      'the pod network is not ready\nNetworkPluginNotReady: something else',
    );
    expect(judgeNetwork([{...condition, status: true, message: ''}], '/etc/cni/net.d', 'r')).toEqual([]);
  });
  it('knows shims without a pod, and gives young ones time', () => {
    const shim = (id: string, ageMs: number, bundle = true) => ({pid: 1, id, address: '', ageMs, bundle});
    expect(brief(judgeShims([shim('a', 10 ** 6), shim('b', 1000)], ['a']))).toEqual([]);
    expect(brief(judgeShims([shim('b', 10 ** 6)], ['a']))).toEqual(['warning ND512']);
    expect(brief(judgeShims([shim('b', 1000, false)], ['a']))).toEqual(['warning ND512']);
  });
});

describe('the cluster', () => {
  const spoken = {kind: 'answer', body: '', serverTimeMs: 0, localTimeMs: 0, certificate: ''} as const;
  it.each([
    ['answers', {...spoken, status: 200}, []],
    ['wants to know who asks', {...spoken, status: 401}, []],
    ['is not ready', {...spoken, status: 500}, ['error ND301']],
    ['refuses', {kind: 'refused', detail: ''} as const, ['error ND311']],
    ['is silent', {kind: 'timeout', detail: ''} as const, ['error ND312']],
    ['is somebody else', {kind: 'untrusted', detail: ''} as const, ['error ND407']],
  ])('whose API server %s', (_, answer, expected) => {
    expect(brief(judgeAnswer('https://a:6443', answer, undefined))).toEqual(expected);
  });
  it('starts its sandbox again', () => {
    const [finding] = judgeAnswer('https://a:6443', {kind: 'refused', detail: ''}, 'sandbox up');
    expect(finding?.next).toEqual(['sandbox up']);
  });
  const lease = (renewTime: string | undefined) =>
    ({
      kind: 'there',
      object: {
        metadata: {name: 'n', namespace: 'x', uid: '', resourceVersion: ''},
        spec: {leaseDurationSeconds: 40, ...(renewTime === undefined ? {} : {renewTime})},
      },
    }) as const;
  it.each([
    [lease(new Date(0).toISOString()), []],
    [lease(new Date(-41_000).toISOString()), ['error ND743']],
    [lease(undefined), ['error ND743']],
    [{kind: 'missing'} as const, ['error ND743']],
    [{kind: 'refused', httpCode: 403, message: ''} as const, []],
  ])('a lease %#', (seen, expected) => {
    expect(brief(judgeLease(seen, 0, ''))).toEqual(expected);
  });
});

describe('rules of others', () => {
  const text = `table ip nat {\n\tchain KUBE-SERVICES {\n\t}\n}\ntable ip kube-proxy {\n\tchain x {\n\t\ttype filter;\n\t}\n}\n`;
  it('reads nft', () => {
    expect(parseRuleset(text)).toMatchObject({
      tables: ['ip nat', 'ip kube-proxy'],
      chains: ['ip nat KUBE-SERVICES', 'ip kube-proxy x'],
    });
  });
  it.each([
    [{tables: ['ip nodectl-proxy'], chains: ['ip nat KUBE-IPTABLES-HINT']}, []],
    [{tables: ['ip kube-proxy'], chains: []}, ['warning ND738']],
    [{tables: ['ip nat'], chains: ['ip nat KUBE-SERVICES']}, ['warning ND738']],
  ])('%o', (seen, expected) => {
    expect(brief(judgeForeign({...seen, all: []}))).toEqual(expected);
  });
});

describe('what a daemon says when it cannot run', () => {
  it.each([
    ['nothing', [], undefined],
    ['its code', ['error ND701 kubelet configuration invalid', '  maxPods: no number', '  try: x'], 'ND701'],
    [
      'what it said before it ran again',
      ['error ND701 wrong', '  maxPods', '{"level":30,"msg":"ready"}'],
      undefined,
    ],
    ['that it does not know', ['error ND999 unexpected error', '  EACCES'], undefined],
    ['a code that nobody knows', ['error ND000 strange'], undefined],
  ])('%s', (_, log, expected) => {
    expect(saidCode(log, 'the kubelet')?.code).toBe(expected);
  });
});

describe('another kubelet', () => {
  it.each([
    ['/usr/bin/kubelet --config=/x', '/var/lib/kubelet'],
    ['/usr/bin/kubelet --root-dir=/data/kubelet/', '/data/kubelet'],
    ['k3s-server --root-dir /k', '/k'],
  ])('%s works in %s', (command, root) => {
    expect(rootOf(command)).toBe(root);
  });
  it('is named with its process', () => {
    const [finding] = judgeKubelets([{pid: 7, program: 'kubelet', command: '/usr/bin/kubelet --v=2'}]);
    expect(finding).toMatchObject({code: 'ND605', severity: 'error'});
    expect(finding?.message).toContain('kubelet (process 7)\n/usr/bin/kubelet');
    expect(judgeKubelets([])).toEqual([]);
  });
});
