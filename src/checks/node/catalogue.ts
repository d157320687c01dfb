import type {AnyCheck} from '../check.ts';
import {conntrack} from '../host/conntrack.ts';
import {diskRoom} from '../host/disk-room.ts';
import {forwarding} from '../host/forwarding.ts';
import {inotify} from '../host/inotify.ts';
import {memoryRoom} from '../host/memory-room.ts';
import {pids} from '../host/pids.ts';
import {resolvConf} from '../host/resolv-conf.ts';
import {swapOff} from '../host/swap-off.ts';
import {clientCertificate} from '../identity/client-certificate.ts';
import {kubeconfig} from '../identity/kubeconfig.ts';
import {kubeletConfiguration} from '../kubelet/configuration.ts';
import {kubeletHealth} from '../kubelet/health.ts';
import {nodeLease} from '../kubelet/lease.ts';
import {nodeObject} from '../kubelet/node-object.ts';
import {kubeletPort} from '../kubelet/port.ts';
import {nodePressure} from '../kubelet/pressure.ts';
import {nodeReady} from '../kubelet/ready.ts';
import {kubeletService} from '../kubelet/service.ts';
import {apiServer} from '../network/api-server.ts';
import {clock} from '../network/clock.ts';
import {podCrashes} from '../pods/crashes.ts';
import {podEnds} from '../pods/ends.ts';
import {podImages} from '../pods/images.ts';
import {podStarts} from '../pods/starts.ts';
import {foreignRules} from '../proxy/foreign-rules.ts';
import {proxyHealth} from '../proxy/health.ts';
import {serviceRules} from '../proxy/rules.ts';
import {proxyService} from '../proxy/service.ts';
import {serviceAnswers} from '../proxy/service-answers.ts';
import {runtimeAnswers} from '../runtime/answers.ts';
import {cniConfig} from '../runtime/cni-config.ts';
import {podNetwork} from '../runtime/pod-network.ts';
import {runtimeReady} from '../runtime/ready.ts';
import {shims} from '../runtime/shims.ts';
import {authorized} from '../trust/authorized.ts';
import type {NodeContext} from './context.ts';
import {joined} from './joined.ts';
import {seesAll} from './sees-all.ts';

/** What `status` looks at, causes before what they cause: the first error is the root of the trouble. */
export const nodeCatalogue: readonly AnyCheck<NodeContext>[] = [
  joined,
  diskRoom,
  memoryRoom,
  pids,
  inotify,
  kubeconfig,
  clientCertificate,
  kubeletConfiguration,
  kubeletPort,
  runtimeAnswers,
  runtimeReady,
  cniConfig,
  podNetwork,
  kubeletService,
  kubeletHealth,
  apiServer,
  clock,
  authorized,
  nodeObject,
  nodeReady,
  nodeLease,
  nodePressure,
  forwarding,
  conntrack,
  proxyService,
  proxyHealth,
  serviceRules,
  serviceAnswers,
  foreignRules,
  podImages,
  podCrashes,
  podStarts,
  podEnds,
  shims,
  swapOff,
  resolvConf,
  seesAll,
];
