import {describe, expect, it} from 'vitest';
import {judgeSkew} from '../../../src/config/skew.ts';

describe('judgeSkew', () => {
  it.each([
    ['v1.36.0', 'v1.36.0'],
    ['v1.36.4', 'v1.36.0'],
    ['v1.35.3', 'v1.35.3'],
    ['v1.34.1+k3s1', 'v1.34.1'],
    ['v1.35.2-gke.1000', 'v1.35.2'],
    ['v1.39.0', 'v1.36.0'],
  ])('of a server %s reports %s', (server, report) => {
    expect(judgeSkew(server, 'v1.36.0')).toEqual({kind: 'fits', report});
  });
  it.each([
    ['v1.33.9', 'server-too-old'],
    ['v1.40.0', 'server-too-new'],
    ['v2.0.0', 'server-too-new'],
    ['yesterday', 'unreadable'],
  ])('of a server %s says %s', (server, kind) => {
    expect(judgeSkew(server, 'v1.36.0').kind).toBe(kind);
  });
});
