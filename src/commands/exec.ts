import {Args, Flags} from '@oclif/core';
import {NodectlError} from '../lib/errors.ts';
import {BaseCommand} from '../ui/base-command.ts';
import {here, nodeFlags} from '../ui/node-command.ts';

export default class Exec extends BaseCommand {
  static override summary = 'Run a program in a container of this node, without the API server';
  static override strict = false;
  static override args = {
    pod: Args.string({required: true, description: 'POD, NAMESPACE/POD or the beginning of an ID'}),
  };
  static override flags = {
    ...nodeFlags,
    container: Flags.string({char: 'c', description: 'in this container of it'}),
    stdin: Flags.boolean({char: 'i', description: 'pass what is typed'}),
    tty: Flags.boolean({char: 't', description: 'with a terminal'}),
  };
  static override examples = ['<%= config.bin %> exec -it hello -- sh'];

  async run(): Promise<void> {
    const {args, argv, flags} = await this.parse(Exec);
    const cmd = argv.slice(1).map(String);
    if (cmd.length === 0) throw new NodectlError('ND904', 'there is no program to run after --');
    const {nodeOptions} = await import('../config/join.ts');
    const {findPod, withRuntime} = await import('../bootstrap/status/runtime-view.ts');
    const {streamExec} = await import('../edges/http/exec-stream.ts');
    process.exitCode = await withRuntime(nodeOptions(here(flags.root)), async ({runtime, ...cri}) => {
      const {pod, container} = await findPod({runtime, ...cri}, args.pod, flags.container, flags.namespace);
      if (container?.state !== 'Running')
        throw new NodectlError('ND904', `no container of ${pod.namespace}/${pod.name} runs`);
      const tty = flags.tty && process.stdout.isTTY;
      const wanted = {containerId: container.id, cmd, tty, stdin: flags.stdin, stdout: true, stderr: !tty};
      const {url} = await runtime.exec(wanted);
      const stdin = flags.stdin ? process.stdin : undefined;
      return streamExec(url, {stdin, stdout: process.stdout, stderr: process.stderr, tty});
    });
  }
}
