import {describe, expect, it} from 'vitest';
import type {RuntimeContainer} from '../../../../src/kubelet/pod/status/runtime-state.ts';
import {decideGarbage, type GarbageSeen} from '../../../../src/kubelet/runtime/garbage.ts';
import {exited, record, sandbox} from '../pod/fixtures.ts';

const none: GarbageSeen = {
  runtime: new Map(),
  known: new Set(),
  podDirectories: [],
  logDirectories: [],
  cgroups: [],
};
const removed = (seen: Partial<GarbageSeen>) =>
  decideGarbage({...none, ...seen}).map((act) => {
    if (act.do === 'removeContainer') return act.container.id;
    if (act.do === 'removeSandbox') return act.id;
    if (act.do === 'removePodDirectory') return act.uid;
    return act.do === 'removeLogDirectory' ? act.name : act.path;
  });
describe('the garbage of a pod', () => {
  const of = (...containers: RuntimeContainer[]) =>
    removed({runtime: new Map([['uid-1', {sandboxes: [sandbox()], containers}]]), known: new Set(['uid-1'])});

  it('keeps the newest run that ended beside the one that runs', () => {
    const running = record('main', {id: 'main-3'});
    expect(of(running, exited('main', 1, {id: 'main-2'}), exited('main', 1, {id: 'main-1'}))).toEqual([
      'main-1',
    ]);
  });

  it('keeps only the newest when none runs', () => {
    expect(of(exited('main', 1, {id: 'main-2'}), exited('main', 1, {id: 'main-1'}))).toEqual(['main-1']);
  });

  it('takes what was made and never started, when something newer is there', () => {
    expect(of(record('main', {id: 'main-2'}), record('main', {id: 'main-1', state: 'created'}))).toEqual([
      'main-1',
    ]);
    expect(of(record('main', {id: 'main-2', state: 'created'}))).toEqual([]);
  });

  it('takes old sandboxes without containers, never the newest', () => {
    const dead = (id: string, attempt: number) => sandbox({id, attempt, ready: false});
    const sandboxes = [dead('s2', 2), dead('s1', 1), dead('s0', 0)];
    const containers = [exited('main', 0, {sandboxId: 's1'})];
    expect(removed({runtime: new Map([['uid-1', {sandboxes, containers}]])})).toEqual(['s0']);
  });
});

describe('what pods of the past have left', () => {
  const left = {
    podDirectories: ['gone', 'here', 'stray'],
    logDirectories: ['ns_a_gone', 'ns_b_here'],
    cgroups: [
      {uid: 'gone', path: '/kubepods/podgone'},
      {uid: 'here', path: '/kubepods/podhere'},
    ],
  };

  it('goes; what is known or still in the runtime stays', () => {
    const runtime = new Map([['stray', {sandboxes: [sandbox()], containers: []}]]);
    expect(removed({...left, runtime, known: new Set(['here'])})).toEqual([
      'gone',
      'ns_a_gone',
      '/kubepods/podgone',
    ]);
  });
});
