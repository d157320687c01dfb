import {describe, expect, it} from 'vitest';
import type {KillReason} from '../../../../src/kubelet/pod/actions/container-change.ts';
import {containerGrace, podGrace} from '../../../../src/kubelet/pod/status/termination.ts';
import {container, pod} from './fixtures.ts';

describe('the grace of a pod (Test_calculateEffectiveGracePeriod)', () => {
  it.each<[string, number | undefined, number | undefined, number | undefined, number]>([
    ['its own', 30, undefined, undefined, 30],
    ['that of its deletion', 30, 5, undefined, 5],
    ['that of the node, where it is shorter', 30, 5, 2, 2],
    ['that of its deletion, where it is shorter', 30, 5, 10, 5],
    ['never none, by its deletion', 30, 0, undefined, 1],
    ['never none, by the node', 30, 5, 0, 1],
    ['that of the node, also where it is longer than its own', 30, undefined, 60, 60],
    ['thirty seconds by default', undefined, undefined, undefined, 30],
  ])('is %s', (_, own, deletion, override, seconds) => {
    const of = pod(
      own === undefined ? {} : {terminationGracePeriodSeconds: own},
      deletion === undefined ? {} : {deletionGracePeriodSeconds: deletion},
    );
    const verdict = {reason: '', message: '', ...(override === undefined ? {} : {graceSeconds: override})};
    expect(podGrace(of, verdict)).toBe(seconds);
  });

  it('is a second for what nobody has described', () => expect(podGrace(undefined, undefined)).toBe(1));
});

describe('the grace of a container (TestKillContainerGracePeriod)', () => {
  const [short, medium, long] = [10, 30, 60];
  type Probes = {liveness?: number; startup?: number};
  it.each<[KillReason, number | undefined, Probes, number]>([
    ['lost', long, {}, long],
    ['liveness', long, {liveness: short}, short],
    ['startup', long, {startup: short}, short],
    ['startup', short, {startup: long}, long],
    ['liveness', short, {liveness: long}, long],
    ['lost', long, {liveness: short}, long],
    ['changed', long, {startup: short}, long],
    ['lost', long, {startup: short, liveness: medium}, long],
    ['startup', long, {startup: short, liveness: medium}, short],
    ['liveness', long, {startup: short, liveness: medium}, medium],
  ])('%s: pod %s, probes %j', (reason, own, {liveness, startup}, seconds) => {
    const of = container('main', {
      ...(liveness === undefined ? {} : {livenessProbe: {terminationGracePeriodSeconds: liveness}}),
      ...(startup === undefined ? {} : {startupProbe: {terminationGracePeriodSeconds: startup}}),
    });
    const whole = pod({containers: [of], ...(own === undefined ? {} : {terminationGracePeriodSeconds: own})});
    expect(containerGrace(whole, of, reason)).toBe(seconds);
    const deleted = {...whole, metadata: {...whole.metadata, deletionGracePeriodSeconds: 3}};
    expect(containerGrace(deleted, of, reason)).toBe(3);
  });
});
