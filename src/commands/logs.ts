import {Args, Flags} from '@oclif/core';
import {ownProgram} from '../edges/process/program.ts';
import {NodectlError} from '../lib/errors.ts';
import {BaseCommand} from '../ui/base-command.ts';
import {here, nodeFlags} from '../ui/node-command.ts';

export default class Logs extends BaseCommand {
  static override summary = 'Show the log of a daemon or of a pod of this node, whoever keeps it';
  static override args = {
    whose: Args.string({
      required: true,
      description: 'kubelet, proxy, containerd, sandbox, or a pod: POD, NAMESPACE/POD',
    }),
  };
  static override flags = {
    root: nodeFlags.root,
    container: Flags.string({char: 'c', description: 'of this container of the pod'}),
    follow: Flags.boolean({char: 'f', description: 'go on with what is added'}),
    lines: Flags.integer({
      char: 'n',
      aliases: ['tail'],
      min: 0,
      description: 'the newest lines; without it 100, with --since all that are younger',
    }),
    output: Flags.option({
      char: 'o',
      options: ['text', 'json'] as const,
      default: 'text' as const,
      description: 'a daemon’s lines for people, or as it wrote them',
    })(),
    since: Flags.string({description: 'only what is younger: 10m, 2h'}),
    namespace: Flags.string({description: 'the pod’s namespace'}),
  };
  static override examples = ['<%= config.bin %> logs kubelet -f', '<%= config.bin %> logs hello --since=5m'];

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Logs);
    const {nodeOptions} = await import('../config/join.ts');
    const {daemonNames, showDaemonLog} = await import('../bootstrap/apply/daemons.ts');
    const {parseDuration} = await import('../config/machine/units.ts');
    const options = nodeOptions(here(flags.root));
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort());
    process.once('SIGTERM', () => stop.abort());
    const span = flags.since === undefined ? undefined : parseDuration(flags.since);
    if (flags.since !== undefined && span === undefined)
      throw new NodectlError('ND904', `--since=${flags.since} is no duration such as 10m`);
    const sinceMs = span === undefined ? undefined : Date.now() - span;
    const lines = flags.lines ?? (sinceMs === undefined ? 100 : undefined);
    const wanted = {lines, follow: flags.follow, sinceMs};
    const daemon = daemonNames.find((name) => name === args.whose);
    if (daemon !== undefined) {
      const {logLine} = await import('../ui/log-line.ts');
      const show = (line: string) => (flags.output === 'json' ? line : logLine(line, daemon));
      const input = {options, program: ownProgram()};
      return showDaemonLog(daemon, input, {...wanted, show}, process.stdout, stop.signal);
    }
    const {showPodLog} = await import('../bootstrap/status/pod-log.ts');
    const pod = {word: args.whose, container: flags.container, namespace: flags.namespace};
    await showPodLog(options, pod, wanted, process.stdout, stop.signal);
  }
}
