import {BaseCommand, outputFlag} from '../ui/base-command.ts';
import {here, nodeFlags} from '../ui/node-command.ts';

export default class Pods extends BaseCommand {
  static override summary = 'List the pods of this node, as its runtime knows them';
  static override flags = {...nodeFlags, output: outputFlag};

  async run(): Promise<void> {
    const {flags} = await this.parse(Pods);
    const {nodeOptions} = await import('../config/join.ts');
    const {withRuntime} = await import('../bootstrap/status/runtime-view.ts');
    const {listPods} = await import('../edges/cri/listing.ts');
    const {agoText} = await import('../checks/node/ago.ts');
    const {shortId, table} = await import('../ui/table.ts');
    const all = await withRuntime(nodeOptions(here(flags.root)), listPods);
    const pods = all.filter(({namespace}) => flags.namespace === undefined || namespace === flags.namespace);
    if (flags.output === 'json')
      return this.printJson({apiVersion: 'nodectl/v1', kind: 'PodList', ...{items: pods}});
    const rows = pods.map(({namespace, name, ready, ip, createdMs, containers, id}) => {
      const running = containers.filter(({state}) => state === 'Running').length;
      const names = new Set(containers.map((one) => one.name)).size;
      return [
        namespace,
        name,
        `${running}/${names}`,
        ready ? 'Ready' : 'NotReady',
        ip === '' ? '<none>' : ip,
        agoText(Date.now() - createdMs),
        shortId(id),
      ];
    });
    this.log(table(['NAMESPACE', 'NAME', 'RUNNING', 'SANDBOX', 'IP', 'AGE', 'ID'], rows));
  }
}
