import {Flags} from '@oclif/core';
import {BaseCommand, outputFlag} from '../ui/base-command.ts';
import {here, nodeFlags} from '../ui/node-command.ts';

export default class Ps extends BaseCommand {
  static override summary = 'List the containers of this node, as its runtime knows them';
  static override flags = {
    ...nodeFlags,
    all: Flags.boolean({char: 'a', description: 'also those that have ended'}),
    output: outputFlag,
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(Ps);
    const {nodeOptions} = await import('../config/join.ts');
    const {withRuntime} = await import('../bootstrap/status/runtime-view.ts');
    const {listPods} = await import('../edges/cri/listing.ts');
    const {agoText} = await import('../checks/node/ago.ts');
    const {shortId, table} = await import('../ui/table.ts');
    const pods = await withRuntime(nodeOptions(here(flags.root)), listPods);
    const containers = pods
      .flatMap((pod) => pod.containers)
      .filter(({namespace}) => flags.namespace === undefined || namespace === flags.namespace)
      .filter(({state}) => flags.all || state === 'Running' || state === 'Created');
    if (flags.output === 'json')
      return this.printJson({apiVersion: 'nodectl/v1', kind: 'ContainerList', ...{items: containers}});
    const rows = containers.map((one) => [
      one.namespace,
      one.pod,
      one.name,
      one.state,
      String(one.restarts),
      agoText(Date.now() - one.createdMs),
      one.image,
      shortId(one.id),
    ]);
    this.log(table(['NAMESPACE', 'POD', 'CONTAINER', 'STATE', 'RESTARTS', 'AGE', 'IMAGE', 'ID'], rows));
  }
}
