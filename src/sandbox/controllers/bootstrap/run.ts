import type {Queue} from '../../../lib/control/queue.ts';
import {configMaps, secrets} from '../../../lib/resources.ts';
import {type Context, runController} from '../controller.ts';
import {keyOf} from '../owners.ts';
import {type BootstrapAct, type BootstrapSeen, decideBootstrap} from './decide.ts';

const key = 'kube-public/cluster-info';

export function startBootstrap(context: Context): Queue {
  const {caches, client, clock} = context;
  const queue = runController<BootstrapSeen, BootstrapAct>(context, {
    name: 'bootstrap',
    concurrency: 1,
    observe: () => ({
      clusterInfo: caches.clusterInfo.get(key),
      secrets: [...caches.tokens.values()],
      nowMs: clock.now(),
    }),
    decide: decideBootstrap,
    apply: async (act) => {
      switch (act.type) {
        case 'sign':
          return await caches.clusterInfo.shows(
            await client.update(configMaps, {...act.clusterInfo, data: {...act.data}}),
          );
        case 'delete': {
          const {namespace, name, uid} = act.secret.metadata;
          await client.delete(secrets, {namespace, name}, {preconditions: {uid}});
          return await caches.tokens.showsDeletion(keyOf(act.secret), uid);
        }
      }
    },
  });
  caches.clusterInfo.listen(() => queue.enqueue(key));
  caches.tokens.listen(() => queue.enqueue(key));
  return queue;
}
