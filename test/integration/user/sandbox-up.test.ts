import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {run} from '../../../src/edges/process/exec.ts';
import {KubeCli} from '../support/kube-cli.ts';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {type Traces, traces} from '../support/traces.ts';
import {until} from '../support/wait.ts';

/** The README's first screen, on a fresh machine, with the distribution's kubectl and no client of ours. */
describe('one command on a fresh machine', () => {
  let lan: Lan | undefined;
  let machine: Machine;
  let before: Traces;

  beforeAll(async () => {
    lan = await createLan();
    machine = await lan.machine('fresh');
    before = await traces(machine);
  });
  afterAll(() => lan?.remove());

  it('ends with an HTTP answer through a ClusterIP', async () => {
    const {stdout, stderr} = await machine.nodectl(['sandbox', 'up']);
    expect(stdout).toContain('hello from hello-');
    expect(stdout).toMatch(/fresh\s+Ready\s+v1\.36\./);
    expect(stdout).toContain('export KUBECONFIG=');
    expect(stderr).not.toMatch(/error ND/);
  });

  it('changes nothing the second time and says so in under five seconds', async () => {
    const started = performance.now();
    const {stdout} = await machine.nodectl(['sandbox', 'up']);
    expect(stdout).toContain('nothing to change');
    expect(performance.now() - started).toBeLessThan(5000);
  });

  describe.each(['bookworm', 'trixie', 'forky'] as const)("with %s's kubectl", (suite) => {
    const pod = `shell-${suite}`;
    // bookworm's 1.20 validates against a whole OpenAPI v2 document, which the sandbox has not.
    const validation = suite === 'bookworm' ? ['--validate=false'] : [];
    let kube: KubeCli;
    beforeAll(() => {
      kube = new KubeCli(machine, suite);
    });
    afterAll(() => kube?.remove());

    it('gets nodes and pods in tables', async () => {
      const nodes = await kube.text('get', 'nodes', '-o', 'wide');
      expect(nodes).toMatch(/^NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION\s+INTERNAL-IP/);
      expect(nodes).toMatch(/fresh\s+Ready/);
      expect(await kube.text('get', 'pods', '-A')).toMatch(/hello-\S+\s+1\/1\s+Running/);
    });

    it('applies a manifest again and again', async () => {
      const settings = (a: string) =>
        kube.file({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: {name: `settings-${suite}`, namespace: 'default'},
          data: {a},
        });
      expect(await kube.text('apply', '-f', settings('1'), ...validation)).toContain('created');
      expect(await kube.text('apply', '-f', settings('1'), ...validation)).toContain('unchanged');
      expect(await kube.text('apply', '-f', settings('2'), ...validation)).toContain('configured');
    });

    it('watches, runs, logs, executes, forwards and deletes', async () => {
      const watch = kube.start('get', 'pods', '-w', '--no-headers');
      const seen: string[] = [];
      watch.stdout.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
      try {
        const script = 'httpd -p 8080 -h /etc; i=0; while true; do echo line $i; i=$((i+1)); sleep 0.2; done';
        const flags = [
          '--image=nodectl.local/hello:1',
          '--image-pull-policy=IfNotPresent',
          '--command',
          '--',
          'sh',
          '-c',
          script,
        ];
        await kube.text('run', pod, ...flags);
        await kube.text('wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=30s');
        await until(
          'get -w shows it running',
          () => seen.join('').match(new RegExp(`${pod}\\s+1/1\\s+Running`)) !== null,
        );
        await until('two lines of log', async () =>
          /^line \d+\nline \d+$/.test(await kube.text('logs', pod, '--tail=2')),
        );
        await follow(kube, pod);
        expect(await kube.text('exec', pod, '--', 'hostname')).toBe(pod);
        const {stdout} = await kube.run(['exec', '-i', pod, '--', 'cat'], {input: 'through stdin\n'});
        expect(stdout).toBe('through stdin');
        await terminal(kube, pod);
        await forward(kube, machine, pod);
        await kube.text('delete', 'pod', pod, '--grace-period=1');
        await expect(kube.text('get', 'pod', pod)).rejects.toThrow(/NotFound/);
      } finally {
        watch.kill();
        await watch;
      }
    });
  });

  it('takes it all away again', async () => {
    // A proxy that is killed while it replaces a large table leaves the one that stands in for it.
    await machine.run('nft', ['add table ip6 nodectl-proxy-other']);
    await machine.nodectl(['sandbox', 'down']);
    expect(await traces(machine)).toEqual(before);
  });
});

async function follow(kube: KubeCli, pod: string): Promise<void> {
  const child = kube.start('logs', '-f', '--tail=1', pod);
  let lines = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    lines += chunk.toString().split('\n').length - 1;
  });
  try {
    await until('five more lines arrive', () => lines > 5);
  } finally {
    child.kill();
    await child;
  }
}

/** `script` gives kubectl a terminal, so that -t means something. */
async function terminal(kube: KubeCli, pod: string): Promise<void> {
  const command = [
    'nsenter',
    ...kube.words,
    'exec',
    '-it',
    pod,
    '--',
    'sh',
    '-c',
    "'test -t 0 && echo a-terminal'",
  ].join(' ');
  const {stdout} = await run('script', ['-qec', command, '/dev/null']);
  expect(stdout).toContain('a-terminal');
}

async function forward(kube: KubeCli, machine: Machine, pod: string): Promise<void> {
  const child = kube.start('port-forward', `pod/${pod}`, '18080:8080');
  const fetch = [
    '-t',
    String(machine.pid),
    '--net',
    'curl',
    '-sf',
    '--max-time',
    '2',
    'http://127.0.0.1:18080/passwd',
  ];
  try {
    expect(
      await until('the forwarded port answers', async () => (await run('nsenter', fetch)).stdout),
    ).toContain('root:x:0:0');
  } finally {
    child.kill();
    await child;
  }
}
