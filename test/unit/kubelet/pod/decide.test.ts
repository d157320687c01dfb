import {describe, expect, it} from 'vitest';
import type {PodAct} from '../../../../src/kubelet/pod/actions/acts.ts';
import {decidePod} from '../../../../src/kubelet/pod/actions/decide.ts';
import type {PodSeen} from '../../../../src/kubelet/pod/seen.ts';
import {container, exited, pod, record, sandbox, seen} from './fixtures.ts';

/** An act in one word, so that a table reads as a story. */
function word(act: PodAct): string {
  switch (act.do) {
    case 'start':
      return `start ${act.container.name}#${act.attempt}`;
    case 'kill':
      return `kill ${act.kills.map(({container: {name}, graceSeconds}) => `${name}/${graceSeconds}`).join(' ')}`;
    case 'createSandbox':
      return `createSandbox#${act.attempt}`;
    case 'ensureImage':
      return `ensureImage ${act.container.name}`;
    case 'stopSandboxes':
    case 'removeContainers':
    case 'removeSandboxes':
      return `${act.do} ${act.ids.join(' ')}`;
    case 'tell':
      return `tell ${act.reason}`;
    default:
      return act.do;
  }
}

const acts = (world: PodSeen): string[] => decidePod(world).acts.map(word);
const deleted = {deletionTimestamp: '2026-01-01T00:09:59Z', deletionGracePeriodSeconds: 30};
const sidecar = container('proxy', {restartPolicy: 'Always'});
const nothing = {sandboxes: [], containers: []};
const dead = {sandboxes: [sandbox({ready: false})], containers: [exited('main')]};
const terminal = {phase: 'Succeeded'};

type Case = [string, Partial<PodSeen>, string[]];

const running: Case[] = [
  ['is settled while all is well', {}, []],
  [
    'needs everything at first',
    {runtime: nothing, local: 'unknown', volumes: {state: 'none'}},
    ['prepare', 'createSandbox#0'],
  ],
  [
    'waits for the network, and says so once',
    {runtime: nothing, networkProblem: 'container runtime network not ready: no CNI'},
    ['tell NetworkNotReady'],
  ],
  [
    'does not say it twice',
    {
      runtime: nothing,
      networkProblem: 'container runtime network not ready: no CNI',
      told: new Set(['NetworkNotReady']),
    },
    [],
  ],
  ['waits for the address of its node', {runtime: nothing, hostIps: []}, []],
  [
    'takes away what was made and never started, without counting it',
    {runtime: {sandboxes: [sandbox()], containers: [record('main', {state: 'created'})]}},
    ['removeContainers main-0'],
  ],
  [
    'does without it on the host network',
    {
      pod: pod({hostNetwork: true}),
      runtime: nothing,
      networkProblem: 'container runtime network not ready: no CNI',
    },
    ['createSandbox#0'],
  ],
  ['starts its container', {runtime: {sandboxes: [sandbox()], containers: []}}, ['start main#0']],
  [
    'waits for the image',
    {runtime: {sandboxes: [sandbox()], containers: []}, images: new Map([['main', {state: 'pulling'}]])},
    [],
  ],
  [
    'asks for the image',
    {runtime: {sandboxes: [sandbox()], containers: []}, images: new Map()},
    ['ensureImage main'],
  ],
  [
    'asks for the image that it has now, not starting the one that was got before',
    {
      runtime: {sandboxes: [sandbox()], containers: []},
      images: new Map([['main', {state: 'ready', asked: 'old:1', image: {ref: 'x', user: {}}}]]),
    },
    ['ensureImage main'],
  ],
  [
    'does not wait out the failure of an image that it has no more',
    {
      runtime: {sandboxes: [sandbox()], containers: []},
      images: new Map([
        ['main', {state: 'failed', asked: 'typo:1', reason: 'ErrImagePull', message: '', retryInMs: 60_000}],
      ]),
    },
    ['ensureImage main'],
  ],
  [
    'waits for the volumes',
    {runtime: {sandboxes: [sandbox()], containers: []}, volumes: {state: 'preparing'}},
    [],
  ],
  [
    'starts a container again that ended',
    {runtime: {sandboxes: [sandbox()], containers: [exited('main', 1)]}},
    ['start main#1'],
  ],
  [
    'lets a crash wait',
    {
      runtime: {sandboxes: [sandbox()], containers: [exited('main', 1)]},
      crashes: new Map([['main', {delayMs: 10_000, remainingMs: 4_000}]]),
    },
    ['tell BackOff'],
  ],
  [
    'tells of no back-off of what has ended well at its second try, and starts no more',
    {
      pod: pod({restartPolicy: 'OnFailure', containers: [container('main'), container('other')]}),
      runtime: {sandboxes: [sandbox()], containers: [exited('main', 0, {attempt: 1}), record('other')]},
      crashes: new Map([['main', {delayMs: 10_000, remainingMs: 4_000}]]),
    },
    [],
  ],
  [
    'nor of an init container that has',
    {
      pod: pod({restartPolicy: 'Never', initContainers: [container('one', {restartPolicy: 'OnFailure'})]}),
      runtime: {sandboxes: [sandbox()], containers: [exited('one', 0, {attempt: 1}), record('main')]},
      crashes: new Map([['one', {delayMs: 10_000, remainingMs: 4_000}]]),
    },
    [],
  ],
  [
    'does not start it again with Never',
    {
      pod: pod({restartPolicy: 'Never', containers: [container('main'), container('other')]}),
      runtime: {sandboxes: [sandbox()], containers: [exited('main', 1), record('other')]},
    },
    [],
  ],
  [
    'does not start it again with OnFailure and success',
    {
      pod: pod({restartPolicy: 'OnFailure', containers: [container('main'), container('other')]}),
      runtime: {sandboxes: [sandbox()], containers: [exited('main', 0), record('other')]},
    },
    [],
  ],
  [
    'starts it again when a rule says so',
    {
      pod: pod({
        restartPolicy: 'Never',
        containers: [
          container('main', {
            restartPolicy: 'Never',
            restartPolicyRules: [{action: 'Restart', exitCodes: {operator: 'In', values: [42]}}],
          }),
        ],
      }),
      runtime: {sandboxes: [sandbox()], containers: [exited('main', 42)]},
    },
    ['start main#1'],
  ],
  [
    'kills a container with another image',
    {pod: pod({containers: [container('main', {image: 'new:2'})]})},
    ['kill main/30'],
  ],
  [
    "kills a container that fails its liveness probe, with the probe's grace",
    {
      pod: pod({containers: [container('main', {livenessProbe: {terminationGracePeriodSeconds: 3}})]}),
      probes: new Map([['main-0', {liveness: 'failure'}]]),
    },
    ['kill main/3'],
  ],
  [
    'does not kill twice',
    {
      probes: new Map([['main-0', {liveness: 'failure'}]]),
      stopping: new Map([['main-0', {endsAtMs: 2_000_000}]]),
    },
    [],
  ],
  [
    'starts no sidecar again while another one is still ending behind the containers',
    {
      pod: pod({
        restartPolicy: 'OnFailure',
        initContainers: [sidecar, container('second', {restartPolicy: 'Always'})],
      }),
      runtime: {
        sandboxes: [sandbox()],
        containers: [record('proxy'), exited('second'), exited('main')],
      },
      stopping: new Map([['proxy-0', {endsAtMs: 1_030_000, forGood: true}]]),
    },
    [],
  ],
  [
    'keeps the order while an image comes',
    {
      pod: pod({containers: [container('main'), container('other')]}),
      runtime: {sandboxes: [sandbox()], containers: []},
      images: new Map([
        ['main', {state: 'pulling'}],
        ['other', {state: 'ready', image: {ref: 'x', user: {}}}],
      ]),
    },
    [],
  ],
  [
    'goes on past an image that cannot be had',
    {
      pod: pod({containers: [container('main'), container('other')]}),
      runtime: {sandboxes: [sandbox()], containers: []},
      images: new Map([
        ['main', {state: 'failed', reason: 'ErrImagePull', message: '', retryInMs: 9}],
        ['other', {state: 'ready', image: {ref: 'x', user: {}}}],
      ]),
    },
    ['start other#0'],
  ],
  [
    'makes a new sandbox for a dead one',
    {runtime: {sandboxes: [sandbox({ready: false})], containers: [exited('main')]}},
    ['createSandbox#1'],
  ],
  [
    'kills what still runs in a dead sandbox first',
    {runtime: {sandboxes: [sandbox({ready: false})], containers: [record('main')]}},
    ['kill main/30'],
  ],
  [
    'ends all but needs one of two ready sandboxes',
    {runtime: {sandboxes: [sandbox({id: 'new', attempt: 1}), sandbox()], containers: []}},
    ['stopSandboxes new sandbox-0'],
  ],
  [
    'replaces a sandbox without an address',
    {runtime: {sandboxes: [sandbox({ips: []})], containers: []}},
    ['stopSandboxes sandbox-0'],
  ],
  [
    'purges init containers before a new sandbox',
    {
      pod: pod({initContainers: [container('init')]}),
      runtime: {sandboxes: [sandbox({ready: false})], containers: [exited('main'), exited('init')]},
    },
    ['removeContainers init-0'],
  ],
  [
    'starts an ephemeral container once',
    {
      pod: pod({ephemeralContainers: [container('debug')]}),
      images: new Map([['debug', {state: 'ready', image: {ref: 'x', user: {}}}]]),
    },
    ['start debug#0'],
  ],
  [
    'counts on where the runtime has forgotten the last run',
    {
      runtime: {sandboxes: [sandbox()], containers: []},
      status: {
        containerStatuses: [
          {
            name: 'main',
            image: '',
            imageID: '',
            ready: false,
            restartCount: 5,
            lastState: {terminated: {exitCode: 1}},
          },
        ],
      },
    },
    ['start main#5'],
  ],
];

const initialising: Case[] = [
  [
    'starts the first init container',
    {
      pod: pod({initContainers: [container('one'), container('two')]}),
      runtime: {sandboxes: [sandbox()], containers: []},
    },
    ['start one#0'],
  ],
  [
    'waits for a running one',
    {
      pod: pod({initContainers: [container('one'), container('two')]}),
      runtime: {sandboxes: [sandbox()], containers: [record('one')]},
    },
    [],
  ],
  [
    'goes on to the next',
    {
      pod: pod({initContainers: [container('one'), container('two')]}),
      runtime: {sandboxes: [sandbox()], containers: [exited('one')]},
    },
    ['start two#0'],
  ],
  [
    'goes on to the containers',
    {
      pod: pod({initContainers: [container('one')]}),
      runtime: {sandboxes: [sandbox()], containers: [exited('one')]},
    },
    ['start main#0'],
  ],
  [
    'tries a failed one again',
    {
      pod: pod({initContainers: [container('one')]}),
      runtime: {sandboxes: [sandbox()], containers: [exited('one', 1)]},
    },
    ['start one#1'],
  ],
  [
    'ends with a failed one that must not run again',
    {
      pod: pod({restartPolicy: 'Never', initContainers: [container('one')]}),
      runtime: {sandboxes: [sandbox()], containers: [exited('one', 1)]},
    },
    ['stopSandboxes sandbox-0'],
  ],
  [
    'does not run a forgotten one again',
    {
      pod: pod({initContainers: [container('one')]}),
      runtime: {sandboxes: [sandbox()], containers: [record('main')]},
    },
    [],
  ],
  [
    'waits until a sidecar has started',
    {
      pod: pod({initContainers: [{...sidecar, startupProbe: {}}]}),
      runtime: {sandboxes: [sandbox()], containers: [record('proxy')]},
      probes: new Map([['proxy-0', {startup: 'unknown'}]]),
    },
    [],
  ],
  [
    'goes on when it has',
    {
      pod: pod({initContainers: [{...sidecar, startupProbe: {}}]}),
      runtime: {sandboxes: [sandbox()], containers: [record('proxy')]},
      probes: new Map([['proxy-0', {startup: 'success'}]]),
    },
    ['start main#0'],
  ],
  [
    'starts a sidecar again beside its containers',
    {
      pod: pod({initContainers: [sidecar]}),
      runtime: {sandboxes: [sandbox()], containers: [record('main'), exited('proxy', 1)]},
    },
    ['start proxy#1'],
  ],
];

const ending: Case[] = [
  ['is killed with its deletion grace', {pod: pod({}, deleted)}, ['kill main/30']],
  [
    'waits while it is being killed',
    {pod: pod({}, deleted), stopping: new Map([['main-0', {endsAtMs: 1_030_000}]])},
    [],
  ],
  [
    'is killed sooner when the grace shrinks',
    {
      pod: pod({}, {...deleted, deletionGracePeriodSeconds: 1}),
      stopping: new Map([['main-0', {endsAtMs: 1_030_000}]]),
    },
    ['kill main/1'],
  ],
  [
    'loses its sandbox next',
    {pod: pod({}, deleted), runtime: {sandboxes: [sandbox()], containers: [exited('main')]}},
    ['stopSandboxes sandbox-0'],
  ],
  ['loses volumes and cgroup next', {pod: pod({}, deleted), runtime: dead}, ['tearDown']],
  [
    'stays in the API until its end is written',
    {pod: pod({}, deleted), runtime: dead, local: 'clean', written: {phase: 'Running'}},
    [],
  ],
  [
    'then goes from the API',
    {pod: pod({}, deleted), runtime: dead, local: 'clean', written: terminal},
    ['deleteObject'],
  ],
  [
    'is not deleted twice',
    {pod: pod({}, deleted), runtime: dead, local: 'clean', written: terminal, objectDeleted: true},
    [],
  ],
  [
    'ends when all containers have ended',
    {pod: pod({restartPolicy: 'Never'}), runtime: {sandboxes: [sandbox()], containers: [exited('main')]}},
    ['stopSandboxes sandbox-0'],
  ],
  ['stays as it is once ended', {pod: pod({restartPolicy: 'Never'}), runtime: dead, local: 'clean'}, []],
  [
    'ends at its deadline',
    {pod: pod({activeDeadlineSeconds: 60}), status: {startTime: '2026-01-01T00:00:00Z'}},
    ['tell DeadlineExceeded', 'kill main/30'],
  ],
  ['ends by verdict', {verdict: {reason: 'Evicted', message: '', graceSeconds: 1}}, ['kill main/1']],
  [
    'is never started when it was rejected',
    {verdict: {reason: 'OutOfpods', message: '', rejected: true}, runtime: nothing, local: 'clean'},
    ['tell OutOfpods'],
  ],
  ['is left alone while it waits to be admitted', {admitted: false, runtime: nothing}, []],
];

const unknown: Case[] = [
  [
    'is left alone until the sources have spoken',
    {pod: undefined, lastPod: undefined, sourcesSynced: false},
    [],
  ],
  ['is killed as an orphan', {pod: undefined, lastPod: undefined}, ['kill main/1']],
  [
    'keeps the grace of what was known of it',
    {pod: undefined, lastPod: pod({terminationGracePeriodSeconds: 7})},
    ['kill main/7'],
  ],
  [
    'loses its containers and its sandboxes',
    {pod: undefined, runtime: dead, local: 'clean'},
    ['removeContainers main-0', 'removeSandboxes sandbox-0'],
  ],
  [
    'loses its sandboxes',
    {pod: undefined, runtime: {...dead, containers: []}, local: 'clean'},
    ['removeSandboxes sandbox-0'],
  ],
  ['is forgotten', {pod: undefined, runtime: nothing, local: 'clean'}, ['forget']],
];

function world(changes: Partial<PodSeen>): PodSeen {
  return {...seen(changes), ...('pod' in changes ? {pod: changes.pod} : {})};
}

describe.each([
  ['a pod that shall run', running],
  ['a pod that initialises', initialising],
  ['a pod that comes to its end', ending],
  ['a pod that no source knows', unknown],
])('%s', (_, cases) => {
  it.each(cases)('%s', (_name, changes, expected) => {
    expect(acts(world(changes))).toEqual(expected);
  });
});

describe('sidecars', () => {
  it('end after the containers, in the reverse of their order', () => {
    const two = container('second', {restartPolicy: 'Always'});
    const [kill] = decidePod(seen({pod: pod({initContainers: [sidecar, two]}, deleted)})).acts;
    const after = kill?.do === 'kill' ? kill.kills.map((k) => [k.container.name, [...k.after].sort()]) : [];
    expect(Object.fromEntries(after)).toEqual({main: [], second: ['main-0'], proxy: ['main-0', 'second-0']});
  });

  it('do so too when their sandbox is replaced (killPodWithSyncResult)', () => {
    const runtime = {sandboxes: [sandbox({ready: false})], containers: [record('main'), record('proxy')]};
    const [kill] = decidePod(seen({pod: pod({initContainers: [sidecar]}), runtime})).acts;
    const told = kill?.do === 'kill' ? kill.kills.map((k) => [k.message, k.after]) : [];
    expect(told).toEqual([
      ['Stopping container main', []],
      ['Stopping container proxy', ['main-0']],
    ]);
  });
});

describe('waiting', () => {
  it('ends when the crash back-off does', () => {
    const crashes = new Map([['main', {delayMs: 10_000, remainingMs: 4_000}]]);
    const runtime = {sandboxes: [sandbox()], containers: [exited('main', 1)]};
    expect(decidePod(seen({runtime, crashes})).againInMs).toBe(4_000);
  });

  it('ends at the deadline', () => {
    const object = pod({activeDeadlineSeconds: 610});
    expect(decidePod(seen({pod: object, status: {startTime: '2026-01-01T00:00:00Z'}})).againInMs).toBe(
      10_000,
    );
  });
});

it('says of the network what the runtime says', () => {
  const problem =
    'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:no CNI';
  const {acts} = decidePod(world({runtime: nothing, networkProblem: problem}));
  expect(acts).toMatchObject([
    {do: 'tell', reason: 'NetworkNotReady', message: `network is not ready: ${problem}`},
  ]);
});
