import {describe, expect, it} from 'vitest';
import {LineCutter, LogFilter, parseLogLine} from '../../../../src/kubelet/server/logs/log-lines.ts';
import {
  type LogOptions,
  loggedContainer,
  logProblem,
  parseLogOptions,
} from '../../../../src/kubelet/server/logs/log-options.ts';
import type {Pod} from '../../../../src/lib/kubernetes.ts';

const plain: LogOptions = {follow: false, previous: false, timestamps: false, stream: 'All'};
const t = (n: number) => `2026-01-01T00:00:0${n}.5Z`;
const show = (options: Partial<LogOptions>, ...lines: string[]) => {
  const filter = new LogFilter({...plain, ...options});
  return Buffer.concat(lines.map((line) => filter.take(Buffer.from(line)))).toString();
};

describe('log lines', () => {
  it('joins pieces and puts one newline and one timestamp on a line', () => {
    const lines = [
      `${t(1)} stdout P ab`,
      `${t(2)} stdout P cd`,
      `${t(3)} stdout F ef`,
      `${t(4)} stderr F x y`,
    ];
    expect(show({}, ...lines)).toBe('abcdef\nx y\n');
    expect(show({timestamps: true}, ...lines)).toBe(
      '2026-01-01T00:00:01.500000000Z abcdef\n2026-01-01T00:00:04.500000000Z x y\n',
    );
  });

  it.each([
    [{stream: 'Stderr'} as const, 'b\n'],
    [{stream: 'Stdout'} as const, 'a\n'],
    [{sinceMs: Date.parse(t(2))}, 'b\n'],
    [{limitBytes: 3}, 'a\nb'],
    [{limitBytes: 1}, 'a'],
  ])('%j', (options, expected) => {
    expect(show(options, `${t(1)} stdout F a`, `${t(2)} stderr F b`)).toBe(expected);
  });

  it('leaves out what is not in CRI’s form', () => {
    expect(show({}, 'garbage', '', `${t(1)} stdnull F a`, `${t(1)} stdout F`, `${t(1)} stdout F ok`)).toBe(
      '\nok\n',
    );
    expect(parseLogLine(Buffer.from(`${t(1)} stdout F:tag x`))?.text.toString()).toBe('x');
    expect(parseLogLine(Buffer.from(`${t(1)} stdout P:tag x`))?.partial).toBe(true);
  });

  it('cuts lines wherever the chunks end', () => {
    const text = 'one\n\ntwo and more\nthree\n';
    for (let size = 1; size <= text.length; size++) {
      const cutter = new LineCutter();
      const lines: string[] = [];
      const reused = Buffer.alloc(size);
      for (let at = 0; at < text.length; at += size) {
        const length = reused.write(text.slice(at, at + size));
        for (const line of cutter.cut(reused.subarray(0, length))) lines.push(line.toString());
      }
      expect(lines).toEqual(['one', '', 'two and more', 'three']);
    }
  });

  it('drops a line without end, and goes on with the next', () => {
    const cutter = new LineCutter();
    const huge = Buffer.alloc(1024 * 1024, 'x');
    for (let at = 0; at < 6; at++) expect([...cutter.cut(huge)]).toEqual([]);
    expect([...cutter.cut(Buffer.from('tail\nnext\n'))].map(String)).toEqual(['next']);
  });
});

describe('log options', () => {
  const parse = (query: string) => parseLogOptions(new URLSearchParams(query), 100_000);
  it.each([
    ['', plain],
    ['follow=true&previous=1&timestamps', {...plain, follow: true, previous: true, timestamps: true}],
    ['follow=false&previous=0', plain],
    ['tailLines=0&limitBytes=5', {...plain, tailLines: 0, limitBytes: 5}],
    ['tail=all&tailLines=3', plain],
    ['sinceSeconds=10', {...plain, sinceMs: 90_000}],
    ['sinceTime=1970-01-01T00:00:01Z', {...plain, sinceMs: 1000}],
    ['stream=Stderr', {...plain, stream: 'Stderr'}],
  ])('%s', (query, options) => expect(parse(query)).toEqual({options}));

  it.each([
    ['tailLines=x', 400],
    ['sinceTime=yesterday', 400],
    ['tailLines=-1', 422],
    ['limitBytes=0', 422],
    ['sinceSeconds=0', 422],
    ['sinceSeconds=1&sinceTime=1970-01-01T00:00:01Z', 422],
    ['stream=Both', 422],
    ['stream=Stdout&tailLines=1', 422],
  ])('%s is refused with %d', (query, code) => expect(parse(query)).toMatchObject({code}));
});

describe('which container', () => {
  const pod = (status: object): Pod => ({
    metadata: {name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1'},
    spec: {containers: [{name: 'c'}]},
    status: {
      containerStatuses: [{name: 'c', image: '', imageID: '', ready: false, restartCount: 0, ...status}],
    },
  });
  const terminated = (containerID?: string) => ({exitCode: 1, ...(containerID ? {containerID} : {})});
  it.each([
    [{containerID: 'containerd://a', state: {running: {}}}, false, undefined, 'a'],
    [{state: {terminated: terminated('containerd://b')}}, false, undefined, 'b'],
    [
      {state: {waiting: {reason: 'CrashLoopBackOff'}}, lastState: {terminated: terminated('containerd://c')}},
      false,
      undefined,
      'c',
    ],
    [
      {
        containerID: 'containerd://a',
        state: {running: {}},
        lastState: {terminated: terminated('containerd://z')},
      },
      true,
      undefined,
      'z',
    ],
    [{state: {running: {}}}, true, 'previous terminated container "c" in pod "p" not found', undefined],
    [{state: {waiting: {reason: 'ImagePullBackOff'}}}, false, /trying and failing to pull image/, undefined],
    [
      {state: {waiting: {reason: 'ContainerCreating'}}},
      false,
      /waiting to start: ContainerCreating/,
      undefined,
    ],
    [{}, false, /no logs yet/, undefined],
  ])('%j previous=%s', (status, previous, problem, id) => {
    const found = logProblem(pod(status), 'c', previous);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
    if (id !== undefined) expect(loggedContainer(pod(status), 'c', previous)).toBe(id);
  });
  it('knows no other container', () => {
    expect(logProblem(pod({}), 'other', false)).toMatch(/not available/);
  });
});
