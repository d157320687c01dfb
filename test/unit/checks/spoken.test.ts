import {describe, expect, it} from 'vitest';
import {judgeComplaints} from '../../../src/checks/host/kernel/kernel-complaints.ts';
import {judgeLoad, ranOutOfTime} from '../../../src/checks/host/kernel/overload.ts';
import {judgeSandboxes} from '../../../src/checks/pods/sandboxes.ts';
import {bridgeConflist, bridgeOf} from '../../../src/config/runtime/cni.ts';
import {catalogue} from '../../../src/lib/codes/catalogue.ts';
import {codeOfEvent, withCode} from '../../../src/lib/codes/spoken.ts';

describe('a warning event', () => {
  it.each([
    ['FailedMount', 'configmap "x" not found', 'ND756'],
    ['FailedCreatePodSandBox', 'failed to setup network for sandbox: plugin type="bridge" failed', 'ND757'],
    ['FailedCreatePodSandBox', 'failed to get sandbox image "p:1": no such host', 'ND511'],
    ['FailedCreatePodSandBox', 'exec: "runc": executable file not found in $PATH', 'ND502'],
    ['FailedCreatePodSandBox', 'no runtime for "kata" is configured', 'ND751'],
    ['BackOff', 'Back-off pulling image "x"', 'ND511'],
    ['BackOff', 'Back-off restarting failed container main in pod p', 'ND752'],
    ['OutOfcpu', 'Node didn’t have enough resource: cpu', 'ND758'],
    ['Whatever', 'nobody knows', undefined],
  ])('%s, %s', (reason, message, code) => {
    expect(codeOfEvent(reason, message)).toBe(code);
    if (code !== undefined) expect(catalogue).toHaveProperty(code);
  });
});

describe('why a node is not Ready', () => {
  it.each([
    ['container runtime network not ready: cni config uninitialized', 'ND705'],
    ['container runtime network not ready: NetworkReady=false', 'ND509'],
    ['container runtime status check failed: ECONNREFUSED', 'ND501'],
  ])('%s', (problem, code) => {
    expect(withCode(problem)).toBe(`${problem} (nodectl explain ${code})`);
  });
  it('stays as it is where no code knows more', () => {
    expect(withCode('node is shutting down')).toBe('node is shutting down');
  });
});

describe('no sandbox can be made', () => {
  const judge = (message: string) =>
    judgeSandboxes([{pod: 'n/p', reason: 'FailedCreatePodSandBox', message, ageMs: 0}], 'logs', (image) => [
      `pull ${image}`,
    ]).map(({code, next}) => [code, next[0]]);
  it.each([
    ['failed to get sandbox image "pause:1": not found', [['ND511', 'pull pause:1']]],
    [
      'exec: "runc": executable file not found in $PATH',
      [['ND502', 'sudo apt-get install --reinstall runc']],
    ],
    ['plugin type="bridge" failed (add): no IP addresses available', []],
    ['no runtime for "kata" is configured', []],
  ])('%s', (message, expected) => {
    expect(judge(message)).toEqual(expected);
  });
});

describe('the kernel’s log', () => {
  const say = (text: string, ageMs = 1000) => judgeComplaints([{ageMs, text}]).map(({message}) => message);
  it.each([
    ['I/O error, dev sda, sector 2048 op 0x0:(READ)', 'a disk fails'],
    ['EXT4-fs error (device nvme0n1p1): ext4_find_entry:1683', 'a disk fails'],
    ['nf_conntrack: nf_conntrack: table full, dropping packet', 'connections are dropped'],
    ['neighbour: arp_cache: neighbor table overflow!', 'neighbours are forgotten'],
    [
      'audit: type=1400 audit(1.2:3): apparmor="DENIED" operation="mount" profile="x" comm="runc:[2:INIT]"',
      'a security module denies',
    ],
  ])('%s', (text, what) => {
    expect(say(text)).toEqual([expect.stringContaining(what)]);
  });
  it.each([
    'I/O error, dev loop3, sector 0 op 0x1:(WRITE)',
    'EXT4-fs error (device loop0): ext4_read_inode_bitmap',
    'audit: apparmor="DENIED" operation="open" comm="firefox"',
    'EXT4-fs (sda1): mounted filesystem',
  ])('is no complaint: %s', (text) => {
    expect(say(text)).toEqual([]);
  });
  it('is forgotten after an hour', () => {
    expect(say('I/O error, dev sda, sector 1', 3_700_000)).toEqual([]);
  });
});

describe('the bridge of a CNI configuration', () => {
  it.each([
    ['ours', bridgeConflist(['10.244.1.0/24'], undefined, 'br9'), 'br9'],
    ['one without a name', '{"type": "bridge", "isGateway": true}', 'cni0'],
    ['one that is no gateway', '{"type": "bridge", "bridge": "x"}', undefined],
    ['another plugin', '{"plugins": [{"type": "calico"}]}', undefined],
    ['a damaged one', '{', undefined],
  ])('%s', (_, text, expected) => {
    expect(bridgeOf(text)?.name).toBe(expected);
  });
});

describe('a busy machine', () => {
  const late = (why: string) => ({name: 'x', category: 'host', state: 'unseen', why}) as const;
  it('is blamed when looks ran out of time', () => {
    expect(ranOutOfTime(Array.from({length: 4}, () => late('no answer within 3 s')))).toBe(true);
    expect(ranOutOfTime([late('no answer within 3 s')])).toBe(false);
    expect(ranOutOfTime(Array.from({length: 9}, () => late('EACCES: permission denied')))).toBe(false);
  });
  it.each([
    [
      {waiting: 54, cpus: 2, diskPercent: 1, memoryPercent: 0},
      'too busy, with 54 processes for 2 processors',
    ],
    [{waiting: 3, cpus: 2, diskPercent: 80, memoryPercent: 0}, 'waits for its disk 80 %'],
    [{waiting: 3, cpus: 2, diskPercent: 80, memoryPercent: 30}, 'want of memory 30 %'],
    [{waiting: 3, cpus: 2, diskPercent: 1, memoryPercent: 1}, undefined],
  ])('with %j', (load, words) => {
    const [finding] = judgeLoad(load);
    if (words === undefined) expect(finding).toBeUndefined();
    else expect(finding?.message).toContain(words);
  });
});
