import {Args} from '@oclif/core';
import {BaseCommand} from '../ui/base-command.ts';

/** Started by `nodectl status --probe` inside the network of a throw-away pod. */
export default class NetProbe extends BaseCommand {
  static override summary = 'Say what this network namespace reaches';
  static override hidden = true;
  static override args = {
    dns: Args.string({required: true, description: 'a DNS server'}),
    name: Args.string({required: true, description: 'what it is asked for'}),
    address: Args.string({required: true, description: 'HOST:PORT to connect to'}),
  };

  async run(): Promise<void> {
    const {args} = await this.parse(NetProbe);
    const {askDns} = await import('../edges/network/probes/dns-query.ts');
    const {tcpProbe} = await import('../edges/network/probes/probe-net.ts');
    const at = args.address.lastIndexOf(':');
    const host = args.address.slice(0, at).replace(/^\[|\]$/g, '');
    const [dns, egress] = await Promise.all([
      askDns(args.dns, args.name, 3000),
      tcpProbe(host, Number(args.address.slice(at + 1)), 3000),
    ]);
    process.stdout.write(`${JSON.stringify({dns, egress})}\n`);
  }
}
