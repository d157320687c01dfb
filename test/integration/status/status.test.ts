import {appendFileSync, existsSync, readFileSync} from 'node:fs';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {createLan, type Lan} from '../support/machine.ts';
import {until} from '../support/wait.ts';
import {canaries, plantCanaries} from './canaries.ts';
import {hanging} from './faults/host.ts';
import {StatusNode} from './node.ts';

/** Twenty seconds' worth in CI; STATUS_ROUNDS=100 for the whole proof. */
const rounds = Number(process.env.STATUS_ROUNDS ?? 20);

let lan: Lan;
let seen: StatusNode | undefined;

beforeAll(async () => {
  lan = await createLan();
  const machine = await lan.machine('status');
  await machine.run('sh', ['-c', 'echo 0123456789abcdef0123456789abcdef >/etc/machine-id']);
  await machine.nodectl(['sandbox', 'up']);
  seen = new StatusNode(machine);
  await seen.healthy();
});
afterAll(async () => {
  seen?.remove();
  await lan?.remove();
});

function node(): StatusNode {
  if (seen === undefined) throw new Error('there is no node');
  return seen;
}

const text = async (...args: string[]) => (await node().machine.nodectl(args)).stdout;

it('finds nothing on a healthy node, again and again', {timeout: rounds * 15_000}, async () => {
  for (let round = 0; round < rounds; round++) {
    const look = await node().look();
    expect(look.text).toMatch(/^healthy: node status has nothing wrong\n/);
    expect(look.exit).toBe(0);
    for (const line of look.text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  }
});

it('pain 13: tells programs the same, in four forms, and waits', async () => {
  await node().stop('nodectl-proxy');
  try {
    const json = JSON.parse((await node().look(['-o', 'json'])).text);
    expect(json).toMatchObject({
      apiVersion: 'nodectl/v1',
      kind: 'NodeStatus',
      state: 'failed',
      cause: {code: 'ND734'},
    });
    expect((await node().look(['-o', 'yaml'])).text).toContain('code: ND734');
    const junit = await node().look(['-o', 'junit']);
    expect(junit.text).toMatch(/<testsuite [^>]*failures="1".*<failure type="ND734"/s);
    const prometheus = await node().look(['-o', 'prometheus']);
    expect(prometheus.text).toMatch(/^nodectl_healthy 0$/m);
    expect(prometheus.text).toMatch(/^nodectl_finding\{code="ND734",severity="error"/m);
    expect((await node().look(['--only', 'ND501'])).exit).toBe(0);
    expect((await node().look(['--category', 'proxy'])).exit).toBe(7);
    const waiting = node().look(['--wait=60']);
    await node().start('nodectl-proxy');
    expect((await waiting).exit).toBe(0);
  } finally {
    await node().start('nodectl-proxy');
  }
});

it('watches: tells each change, until it is ended', async () => {
  await node().healthy();
  const watching = node().machine.start('/nodectl', ['status', '--watch=1']);
  let told = '';
  watching.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString('utf8');
  });
  const last = (word: string) => () => told.lastIndexOf(word) > told.length - 2000 && told.includes(word);
  const instead = () => told;
  try {
    await until('it tells that the node is healthy', last('healthy: node status'), {instead});
    await node().stop('nodectl-proxy');
    await until('it tells what is wrong', last('ND734 the service proxy is not running'), {instead});
  } finally {
    await node().start('nodectl-proxy');
    // nsenter passes no signal on: the process in the machine is ended there.
    await node().machine.run('pkill', ['-INT', '-f', 'status --watch=1'], {okCodes: [0, 1]});
    await watching;
  }
  expect(told).not.toContain('\u001b');
});

it('fixes what is safe to fix, says so, and takes it back', async () => {
  await node().healthy();
  const forwarding = async () => (await node().machine.run('sysctl', ['-n', 'net.ipv4.ip_forward'])).stdout;
  await node().run('sysctl', '-qw', 'net.ipv4.ip_forward=0');
  const planned = await node().machine.nodectl(['status', '--fix', '--plan'], {okCodes: [3]});
  expect(planned.stderr).toContain('would fix ND122: set net.ipv4.ip_forward = 1 (was 0)');
  expect(await forwarding()).toBe('0');
  const fixed = await node().machine.nodectl(['status', '--fix=ND122']);
  expect(fixed.stderr).toContain('fix ND122: set net.ipv4.ip_forward = 1 (was 0)');
  expect(fixed.stdout).toMatch(/^healthy/);
  expect(await text('status', '--undo-fixes')).toContain('taken back: sysctl net.ipv4.ip_forward');
  expect(await forwarding()).toBe('0');
  await node().stop('nodectl-proxy');
  expect(await text('status', '--fix')).toMatch(/^healthy/);
  expect(await forwarding()).toBe('1');
  await text('status', '--undo-fixes');
  await node().run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
});

it('proves with a pod of its own that pods work, and leaves none behind', async () => {
  await node().healthy();
  const json = JSON.parse((await node().look(['--probe', '-o', 'json'])).text);
  const states = json.checks.filter(({name}: {name: string}) => name.startsWith('Probe'));
  expect(states.map(({name, state}: {name: string; state: string}) => `${name} ${state}`)).toEqual([
    'ProbeSandbox ok',
    'ProbeCgroup ok',
    'ProbeDNS ok',
    'ProbeEgress ok',
    'ProbeHairpin ok',
  ]);
  expect(await text('pods')).not.toContain('nodectl-probe');
  await node().sh(
    "nft add table inet fault; nft 'add chain inet fault c { type filter hook forward priority -5; }'; " +
      "nft 'add chain inet fault d { type filter hook input priority -5; }'; " +
      'nft add rule inet fault c iifname cni0 drop; nft add rule inet fault d iifname cni0 drop',
  );
  try {
    const broken = await node().look(['--probe']);
    expect(broken.first).toMatch(/^ND51[56] pods (find no names|do not reach)/);
    expect(broken.exit).toBe(5);
  } finally {
    await node().run('nft', 'delete', 'table', 'inet', 'fault');
  }
});

it('lists pods, containers and images, looks into them and runs programs in them', async () => {
  expect(await text('pods')).toMatch(
    /^NAMESPACE +NAME +RUNNING .*\ndefault +hello-\S+ +1\/1 +Ready +10\.244/,
  );
  expect(await text('ps')).toMatch(/\ndefault +hello-\S+ +hello +Running +0 .* nodectl\.local\/hello:1/);
  expect(await text('images')).toMatch(
    /\nnodectl\.local\/hello:1 .*2 containers\nnodectl\.local\/pause:1 .*pinned/,
  );
  expect(JSON.parse(await text('pods', '-o', 'json'))).toMatchObject({kind: 'PodList'});
  const name = /(hello-\S+)/.exec(await text('pods'))?.[1] ?? '';
  expect(await text('exec', name, '--', 'sh', '-c', 'echo from $HOSTNAME')).toBe(`from ${name}`);
  const failed = await node().machine.nodectl(['exec', name, '--', 'sh', '-c', 'exit 42'], {okCodes: [42]});
  expect(failed.exitCode).toBe(42);
  expect(await text('inspect', name)).toMatch(/^apiVersion: nodectl\/v1\nkind: PodInspection\npod:/);
  expect(await text('images', 'prune', '--plan')).toContain('0 images would be removed');
  const none = await node().machine.nodectl(['exec', 'nobody', '--', 'sh'], {okCodes: [2]});
  expect(none.stderr).toContain('this node has no pod nobody');
});

it('runs programs with a terminal of its own size, and passes what is typed', async () => {
  await node().healthy();
  const name = /(hello-\S+)/.exec(await text('pods'))?.[1] ?? '';
  // The size arrives when the program runs already.
  const sized = 'until [ "$(stty size 2>/dev/null)" = \'33 99\' ]; do sleep 0.1; done; tty; exit 7';
  node().write(
    '/tmp/sized',
    `stty rows 33 cols 99; /nodectl exec -it ${name} -- sh -c '${sized.replaceAll("'", "'\\''")}'\n`,
  );
  const terminal = await node().machine.run(
    'timeout',
    ['60', 'script', '-qec', 'sh /tmp/sized', '/dev/null'],
    {
      okCodes: [7],
    },
  );
  expect(terminal.stdout).toContain('/dev/pts/');
  const typed = await node().machine.run('/nodectl', ['exec', '-i', name, '--', 'head', '-n', '1'], {
    input: 'hi there\n',
    timeoutMs: 60_000,
  });
  expect(typed.stdout).toBe('hi there');
});

it('imports an archive, and prunes what nobody uses', async () => {
  await node().sh('ctr -n k8s.io images export /tmp/hello.tar nodectl.local/hello:1');
  await node().sh('ctr -n k8s.io images tag nodectl.local/pause:1 nodectl.local/other:1');
  expect(await text('images', 'import', '/tmp/hello.tar')).toContain('nodectl.local/hello:1');
  const refused = await node().machine.nodectl(['images', 'pull', 'registry.invalid/x:1'], {okCodes: [6]});
  expect(refused.stderr).toMatch(/ND511.*registry\.invalid\/x:1/s);
});

it('looks at a node that another tool has joined, and says whose its kubelet is', async () => {
  await node().healthy();
  await node().run('mv', '/var/lib/nodectl/journal', '/var/lib/nodectl/journal.away');
  try {
    const look = await node().look();
    expect(look.text).toMatch(
      /^healthy: node status has nothing wrong\n.*\nkubelet +Kubernetes’ own: not joined/s,
    );
  } finally {
    await node().run('mv', '/var/lib/nodectl/journal.away', '/var/lib/nodectl/journal');
  }
});

it.runIf(existsSync('/dev/fuse'))('names in a preflight the file system that hangs', async () => {
  const {doIt, undo} = hanging('/var/log/pods');
  await doIt(node());
  try {
    const {stdout} = await node().machine.nodectl(['preflight'], {okCodes: [3], timeoutMs: 60_000});
    expect(stdout).toMatch(
      /^error +FileSystems: ND116 \/var\/log\/pods does not answer: mute \(fuse\) hangs/,
    );
  } finally {
    await undo(node());
  }
  await node().healthy();
});

it('shows the logs of daemons and pods, and follows them', async () => {
  expect((await text('logs', 'containerd', '--lines', '3')).split('\n')).toHaveLength(3);
  expect(await text('logs', 'kubelet', '--since=1h')).toMatch(/^\S+Z INFO {2}registered the Node {2}node=/m);
  const json = await text('logs', 'kubelet', '-o', 'json', '--since=1h');
  expect(json).toMatch(/^\{"level":30,.*"msg":"registered the Node"\}$/m);
  const name = /(hello-\S+)/.exec(await text('pods'))?.[1] ?? '';
  const line = '2026-11-21T00:00:00.0Z stdout F an old line';
  await node().sh(`for log in /var/log/pods/default_${name}_*/hello/0.log; do echo '${line}' >>$log; done`);
  expect(await text('logs', name)).toContain('an old line');
  expect(await text('logs', name, '--since=1s')).not.toContain('an old line');
  const following = node().machine.start('/nodectl', ['logs', 'proxy', '-f', '--lines', '0']);
  let added = '';
  following.stdout.on('data', (chunk: Buffer) => {
    added += chunk.toString('utf8');
  });
  try {
    await until('it follows, and a workload cannot colour the terminal', () => {
      const red = 'one line more \u001b[31m\n';
      appendFileSync(node().machine.path('/var/log/nodectl/nodectl-proxy.log'), red);
      if (/^one line more \\x1b\[31m$/m.test(added)) return true;
      throw new Error(added);
    });
  } finally {
    // nsenter passes no signal on: the process in the machine is ended there.
    const {stdout: pids} = await node().machine.run('pgrep', ['-f', 'logs proxy -f'], {okCodes: [0, 1]});
    await node().machine.run('kill', pids.split('\n'), {okCodes: [0, 1]});
    await following;
  }
});

it('packs a bundle without any secret', async () => {
  await plantCanaries(node());
  const {files} = JSON.parse(await text('bundle', '--file', '/tmp/bundle.tar', '-o', 'json'));
  expect(files).toEqual(
    expect.arrayContaining([
      'versions.json',
      'status.json',
      'journal.json',
      'configuration/config.yaml.json',
      'configuration/config.toml.txt',
      'daemons/kubelet.json',
      'logs/nodectl-kubelet.log',
      'rules.txt',
      'runtime.json',
    ]),
  );
  const bundle = readFileSync(node().machine.path('/tmp/bundle.tar'), 'latin1');
  expect(bundle).toContain('a line that may be read');
  for (const [kind, secret] of Object.entries(canaries)) expect(bundle, kind).not.toContain(secret);
});

it('says what it could not see without root', async () => {
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const look = await node().look([], nobody);
  expect(look.exit).toBe(1);
  expect(look.first).toMatch(/^ND101 not root/);
  expect(look.text).toMatch(/not seen: .*ContainerRuntime/s);
});
