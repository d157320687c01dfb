import {describe, expect, it} from 'vitest';
import type {EndpointSlice} from '../../../../src/lib/kubernetes.ts';
import {Caches} from '../../../../src/proxy/caches.ts';
import {triggerTimeAnnotation} from '../../../../src/proxy/model/endpoints.ts';
import {slice} from '../support/objects.ts';

const startMs = Date.parse('2026-01-01T00:00:00Z');
const at = (seconds: number) => startMs + seconds * 1000;

function triggered(service: string, seconds: number | undefined, family: 'IPv4' | 'IPv6' = 'IPv4') {
  const object = slice({service, family, ports: [{port: 80}], endpoints: [{ip: '10.0.0.1'}]});
  if (seconds !== undefined)
    object.metadata.annotations = {[triggerTimeAnnotation]: new Date(at(seconds)).toISOString()};
  return object;
}

type Step = ['added' | 'modified' | 'deleted', EndpointSlice];

/** Seconds after the start of what was taken, by family. */
function taken(steps: readonly Step[]): string[] {
  const caches = new Caches({services: () => new Map(), slices: () => new Map()}, startMs);
  for (const [type, object] of steps) caches.sliceChanged({type, object});
  const {triggers} = caches.take(100);
  expect(caches.take(100).triggers).toEqual([]);
  return triggers.map(({family, atMs}) => `${family} ${(atMs - startMs) / 1000}`);
}

/** pkg/proxy/endpointschangetracker_test.go, TestLastChangeTriggerTime. */
describe('when a change was triggered', () => {
  const one = 'ns/one';
  it.each<[string, Step[], string[]]>([
    ['one slice', [['added', triggered(one, 1)]], ['IPv4 1']],
    [
      'added, then modified',
      [
        ['added', triggered(one, 1)],
        ['modified', triggered(one, 2)],
      ],
      ['IPv4 1', 'IPv4 2'],
    ],
    [
      'two, and one of them modified',
      [
        ['added', triggered(one, 2)],
        ['added', triggered('ns/two', 3)],
        ['modified', triggered(one, 4)],
      ],
      ['IPv4 2', 'IPv4 4', 'IPv4 3'],
    ],
    ['not annotated', [['added', triggered(one, undefined)]], []],
    ['before this proxy was there', [['added', triggered(one, -1)]], []],
    [
      'added, then deleted',
      [
        ['added', triggered(one, 1)],
        ['deleted', triggered(one, 1)],
      ],
      [],
    ],
    [
      'added, deleted, and added again',
      [
        ['added', triggered(one, 1)],
        ['deleted', triggered(one, 1)],
        ['added', triggered(one, 2)],
      ],
      ['IPv4 2'],
    ],
    ['deleted', [['deleted', triggered(one, 1)]], []],
    ['of the other family', [['added', triggered(one, 1, 'IPv6')]], ['IPv6 1']],
  ])('%s', (_name, steps, expected) => {
    expect(taken(steps)).toEqual(expected);
  });
});
