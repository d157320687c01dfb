import {describe, expect, it} from 'vitest';
import type {Deployment, Pod, ReplicaSet} from '../../../../src/lib/kubernetes.ts';
import {
  type DeploymentAct,
  type DeploymentSeen,
  decideDeployment,
} from '../../../../src/sandbox/controllers/deployment/decide.ts';
import {boundsOf, proportional} from '../../../../src/sandbox/controllers/deployment/scale.ts';
import {templateHash} from '../../../../src/sandbox/controllers/deployment/template.ts';
import {decideReplicaSet, type ReplicaSetAct} from '../../../../src/sandbox/controllers/replicaset/decide.ts';
import {deletionOrder} from '../../../../src/sandbox/controllers/replicaset/rank.ts';
import {at, meta, nowMs, pod} from './things.ts';

const labels = {app: 'web'};
const template = (image: string) => ({metadata: {labels}, spec: {containers: [{name: 'c', image}]}});
const ownedBy = (uid: string, kind: string) => ({
  ownerReferences: [{apiVersion: 'apps/v1', kind, name: kind.toLowerCase(), uid, controller: true}],
});

function replicaSet(name: string, image: string, wanted: number, available = wanted): ReplicaSet {
  const revision = image.split(':')[1] ?? '1';
  return {
    metadata: {
      ...meta(name, {
        labels,
        ...ownedBy('uid-web', 'Deployment'),
        annotations: {'deployment.kubernetes.io/revision': revision},
      }),
      namespace: 'default',
      name,
      uid: `uid-${name}`,
      resourceVersion: '1',
    },
    spec: {replicas: wanted, selector: {matchLabels: labels}, template: template(image)},
    status: {replicas: wanted, availableReplicas: available, readyReplicas: available, observedGeneration: 0},
  };
}

type Seen = {
  deployment: Deployment & {spec: NonNullable<Deployment['spec']>};
  replicaSets: ReplicaSet[];
  pods: Pod[];
  nowMs: number;
};

function deploymentSeen(change: (seen: Seen) => void): DeploymentSeen {
  const seen: Seen = {
    deployment: {
      metadata: {
        ...meta('web', {annotations: {'deployment.kubernetes.io/revision': '2'}}),
        namespace: 'default',
        name: 'web',
        uid: 'uid-web',
        resourceVersion: '1',
        generation: 2,
      },
      spec: {
        replicas: 4,
        selector: {matchLabels: labels},
        template: template('x:2'),
        strategy: {type: 'RollingUpdate', rollingUpdate: {maxSurge: 1, maxUnavailable: 1}},
        progressDeadlineSeconds: 600,
      },
    },
    replicaSets: [],
    pods: [],
    nowMs,
  };
  change(seen);
  return seen;
}

const brief = (act: DeploymentAct): string => {
  switch (act.type) {
    case 'create':
      return `create ${act.replicas} r${act.revision}`;
    case 'change':
      return `${act.replicaSet.metadata.name}=${act.replicas}`;
    case 'delete':
    case 'adopt':
    case 'release':
      return `${act.type} ${act.replicaSet.metadata.name}`;
    case 'annotate':
      return `r${act.revision}`;
    case 'status':
      return 'status';
  }
};
const sizes = (seen: DeploymentSeen) =>
  decideDeployment(seen)
    .acts.map(brief)
    .filter((line) => line !== 'status');
const annotated = (set: ReplicaSet, replicas: number, most: number): ReplicaSet => ({
  ...set,
  metadata: {
    ...set.metadata,
    annotations: {
      ...set.metadata.annotations,
      'deployment.kubernetes.io/desired-replicas': String(replicas),
      'deployment.kubernetes.io/max-replicas': String(most),
    },
  },
});

describe('a Deployment', () => {
  it.each<[string, (seen: Seen) => void, string[]]>([
    ['new, makes its set', (s) => (s.deployment.metadata.annotations = {}), ['create 4 r1', 'r1']],
    [
      'with an old set, makes the new one within the surge',
      (s) => s.replicaSets.push(annotated(replicaSet('old', 'x:1', 4), 4, 5)),
      ['create 1 r2'],
    ],
    [
      'in the middle, takes from the old what stays available',
      (s) =>
        s.replicaSets.push(
          annotated(replicaSet('old', 'x:1', 4), 4, 5),
          annotated(replicaSet('new', 'x:2', 1, 1), 4, 5),
        ),
      ['old=2'],
    ],
    [
      'with an unready new set, takes one only',
      (s) =>
        s.replicaSets.push(
          annotated(replicaSet('old', 'x:1', 4), 4, 5),
          annotated(replicaSet('new', 'x:2', 1, 0), 4, 5),
        ),
      ['old=3'],
    ],
    [
      'with broken old pods, takes those first',
      (s) =>
        s.replicaSets.push(
          annotated(replicaSet('old', 'x:1', 4, 2), 4, 5),
          annotated(replicaSet('new', 'x:2', 1, 1), 4, 5),
        ),
      ['old=2'],
    ],
    [
      'with room, grows the new set',
      (s) =>
        s.replicaSets.push(
          annotated(replicaSet('old', 'x:1', 2), 4, 5),
          annotated(replicaSet('new', 'x:2', 1), 4, 5),
        ),
      ['new=3'],
    ],
    ['complete, is settled', (s) => s.replicaSets.push(annotated(replicaSet('new', 'x:2', 4), 4, 5)), []],
    [
      'scaled, scales its set',
      (s) => s.replicaSets.push(annotated(replicaSet('new', 'x:2', 2), 2, 3)),
      ['new=4'],
    ],
    [
      'paused, makes nothing new',
      (s) => {
        s.deployment.spec.paused = true;
        s.replicaSets.push(annotated(replicaSet('old', 'x:1', 4), 4, 5));
      },
      [],
    ],
    [
      'recreating, stops the old first',
      (s) => {
        s.deployment.spec.strategy = {type: 'Recreate'};
        s.replicaSets.push(annotated(replicaSet('old', 'x:1', 4), 4, 4));
      },
      ['old=0'],
    ],
    [
      'recreating, waits for pods on their way out',
      (s) => {
        s.deployment.spec.strategy = {type: 'Recreate'};
        s.replicaSets.push(annotated(replicaSet('old', 'x:1', 0), 4, 4));
        s.pods.push(
          pod('p', (p) =>
            Object.assign(p.metadata, ownedBy('uid-old', 'ReplicaSet'), {deletionTimestamp: at}),
          ),
        );
      },
      [],
    ],
    [
      'recreating, starts when nothing is left',
      (s) => {
        s.deployment.spec.strategy = {type: 'Recreate'};
        s.replicaSets.push(annotated(replicaSet('old', 'x:1', 0), 4, 4));
      },
      ['create 4 r2'],
    ],
    [
      'rolled back, gives the old set the next revision',
      (s) => {
        s.deployment.spec.template = template('x:1');
        s.replicaSets.push(
          annotated(replicaSet('old', 'x:1', 0), 4, 5),
          annotated(replicaSet('new', 'x:2', 4), 4, 5),
        );
      },
      ['old=1', 'r3'],
    ],
    [
      'with too much history, forgets the oldest',
      (s) => {
        s.deployment.spec.revisionHistoryLimit = 1;
        s.deployment.spec.template = template('x:9');
        s.deployment.metadata.annotations = {'deployment.kubernetes.io/revision': '9'};
        s.deployment.status = {updatedReplicas: 4};
        s.replicaSets.push(
          replicaSet('one', 'x:1', 0),
          replicaSet('two', 'x:2', 0),
          annotated(replicaSet('new', 'x:9', 4), 4, 5),
        );
      },
      ['delete one'],
    ],
    [
      'finds an orphan, adopts it before all else',
      (s) =>
        s.replicaSets.push({
          ...replicaSet('orphan', 'x:2', 4),
          metadata: {...replicaSet('orphan', 'x:2', 4).metadata, ownerReferences: undefined},
        }),
      ['adopt orphan'],
    ],
    ['on its way out, does nothing', (s) => (s.deployment.metadata.deletionTimestamp = at), []],
  ])('%s', (_, change, wanted) => expect(sizes(deploymentSeen(change))).toEqual(wanted));

  const condition = (seen: DeploymentSeen, type: string) => {
    const act = decideDeployment(seen).acts.find((a) => a.type === 'status');
    return act?.type === 'status' ? act.status.conditions?.find((c) => c.type === type) : undefined;
  };

  it('says that it progresses, that it is done, and that it is stuck', () => {
    const base = (s: Seen) => s.replicaSets.push(annotated(replicaSet('new', 'x:2', 4, 1), 4, 5));
    expect(condition(deploymentSeen(base), 'Progressing')?.reason).toBe('ReplicaSetUpdated');
    expect(
      condition(
        deploymentSeen((s) => s.replicaSets.push(annotated(replicaSet('new', 'x:2', 4), 4, 5))),
        'Progressing',
      ),
    ).toMatchObject({
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: 'ReplicaSet "new" has successfully progressed.',
    });
    const counts = {
      replicas: 4,
      updatedReplicas: 4,
      readyReplicas: 1,
      availableReplicas: 1,
      unavailableReplicas: 3,
    };
    const stuck = (updated: string) =>
      deploymentSeen((s) => {
        base(s);
        s.deployment.status = {
          ...counts,
          conditions: [
            {
              type: 'Progressing',
              status: 'True',
              reason: 'ReplicaSetUpdated',
              message: 'ReplicaSet "new" is progressing.',
              lastUpdateTime: updated,
              lastTransitionTime: updated,
            },
          ],
        };
      });
    expect(condition(stuck(at), 'Progressing')).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'ReplicaSet "new" has timed out progressing.',
    });
    expect(condition(stuck('2026-01-01T00:55:00Z'), 'Progressing')?.status).toBe('True');
    expect(decideDeployment(stuck('2026-01-01T00:55:00Z')).againInMs).toBe(300_000);
  });

  it('rounds surge up and unavailability down, and never both to nothing', () => {
    const bounds = (replicas: number, maxSurge: string | number, maxUnavailable: string | number) =>
      boundsOf(
        deploymentSeen((s) =>
          Object.assign(s.deployment.spec, {
            replicas,
            strategy: {type: 'RollingUpdate', rollingUpdate: {maxSurge, maxUnavailable}},
          }),
        ).deployment,
      );
    expect(bounds(10, '25%', '25%')).toEqual({replicas: 10, maxSurge: 3, maxUnavailable: 2});
    expect(bounds(3, 0, '25%')).toEqual({replicas: 3, maxSurge: 0, maxUnavailable: 1});
  });

  it('shares a change of size out over its sets', () => {
    const sets = [replicaSet('a', 'x:1', 10), replicaSet('b', 'x:2', 5)];
    const shared = proportional({replicas: 30, maxSurge: 0, maxUnavailable: 0}, sets, 15);
    expect([...shared.values()]).toEqual([20, 10]);
  });

  it('names a template by what it says, not by the order in which it says it', () => {
    const one = templateHash({metadata: {labels: {a: '1', b: '2'}}, spec: {containers: []}}, undefined);
    expect(templateHash({spec: {containers: []}, metadata: {labels: {b: '2', a: '1'}}}, undefined)).toBe(one);
    expect(templateHash({spec: {containers: []}, metadata: {labels: {b: '2', a: '1'}}}, 1)).not.toBe(one);
    expect(one).toMatch(/^[a-z0-9]{10}$/);
  });
});

describe('a ReplicaSet', () => {
  const set = replicaSet('rs', 'x:1', 2, 0);
  const mine = (name: string, change: (p: Pod) => void = () => undefined) =>
    pod(name, (p) => {
      p.metadata.labels = labels;
      p.metadata.ownerReferences = ownedBy('uid-rs', 'ReplicaSet').ownerReferences;
      change(p);
    });
  const brief = (act: ReplicaSetAct) =>
    act.type === 'create'
      ? `create ${act.count}`
      : act.type === 'delete'
        ? `delete ${act.pods.map((p) => p.metadata.name)}`
        : act.type === 'status'
          ? `status ${act.status.replicas}/${act.status.availableReplicas}/${act.status.terminatingReplicas}`
          : `${act.type} ${act.pod.metadata.name}`;
  const acts = (pods: Pod[], of: ReplicaSet = set) =>
    decideReplicaSet({replicaSet: of, pods, nowMs}).acts.map(brief);

  it.each<[string, Pod[], string[]]>([
    ['without pods makes them', [], ['create 2', 'status 0/0/0']],
    ['with one makes another', [mine('a')], ['create 1', 'status 1/1/0']],
    [
      'with a failed one replaces it',
      [mine('a'), mine('b', (p) => Object.assign(p.status ?? {}, {phase: 'Failed'}))],
      ['create 1', 'status 1/1/0'],
    ],
    [
      'with one on its way out replaces it',
      [mine('a'), mine('b', (p) => (p.metadata.deletionTimestamp = at))],
      ['create 1', 'status 1/1/1'],
    ],
    [
      'with too many lets the unready go',
      [mine('a'), mine('b'), mine('c', (p) => Object.assign(p.status ?? {}, {conditions: []}))],
      ['delete c', 'status 3/2/0'],
    ],
    [
      'adopts what it selects',
      [mine('a'), pod('o', (p) => (p.metadata.labels = labels))],
      ['adopt o', 'status 2/2/0'],
    ],
    [
      'lets go what it no longer selects',
      [mine('a'), mine('b'), mine('x', (p) => (p.metadata.labels = {}))],
      ['release x', 'status 2/2/0'],
    ],
  ])('%s', (_, pods, wanted) => expect(acts(pods)).toEqual(wanted));

  it('on its way out neither makes nor adopts', () =>
    expect(acts([], {...set, metadata: {...set.metadata, deletionTimestamp: at}})).toEqual(['status 0/0/0']));

  it('counts a pod as available after minReadySeconds, and looks again then', () => {
    const slow = {
      ...set,
      spec: {...set.spec, selector: {matchLabels: labels}, replicas: 1, minReadySeconds: 7200},
    };
    const decision = decideReplicaSet({replicaSet: slow, pods: [mine('a')], nowMs});
    expect(decision.againInMs).toBe(3_600_000);
    expect(decision.acts.map(brief)).toEqual(['status 1/0/0']);
  });

  it('deletes in the order of Kubernetes', () => {
    const order = deletionOrder([
      mine('old', (p) => (p.spec.nodeName = 'n1')),
      mine('cheap', (p) => {
        p.metadata.annotations = {'controller.kubernetes.io/pod-deletion-cost': '-1'};
        p.spec.nodeName = 'n2';
      }),
      mine('pending', (p) => {
        p.status = {phase: 'Pending'};
        p.spec.nodeName = 'n3';
      }),
      mine('unassigned'),
    ]);
    expect(order.map((p) => p.metadata.name)).toEqual(['unassigned', 'pending', 'cheap', 'old']);
  });
});
