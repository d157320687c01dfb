import type {AnyCheck} from '../check.ts';
import {diskRoom} from '../host/disk/disk-room.ts';
import {fileSystems} from '../host/disk/file-systems.ts';
import {logGrowth} from '../host/disk/log-growth.ts';
import {writable} from '../host/disk/writable.ts';
import {bridgeCalls} from '../host/kernel/bridge-calls.ts';
import {conntrack} from '../host/kernel/conntrack.ts';
import {forwarding} from '../host/kernel/forwarding.ts';
import {inotify} from '../host/kernel/inotify.ts';
import {kernelComplaints} from '../host/kernel/kernel-complaints.ts';
import {openFilesLeft} from '../host/kernel/open-files.ts';
import {pids} from '../host/kernel/pids.ts';
import {fstabSwap} from '../host/memory/fstab-swap.ts';
import {memoryRoom} from '../host/memory/memory-room.ts';
import {oom} from '../host/memory/oom.ts';
import {swapOff} from '../host/memory/swap-off.ts';
import {resolvConf} from '../host/resolv-conf.ts';
import {clientCertificate} from '../identity/client-certificate.ts';
import {kubeconfig} from '../identity/kubeconfig.ts';
import {nodeAddress} from '../identity/node-address.ts';
import {sameMachine} from '../identity/same-machine.ts';
import {bootStart} from '../kubelet/boot-start.ts';
import {kubeletConfiguration} from '../kubelet/configuration.ts';
import {kubeletHealth} from '../kubelet/health.ts';
import {nodeLease} from '../kubelet/lease.ts';
import {nodeObject} from '../kubelet/node-object.ts';
import {otherKubelet} from '../kubelet/other-kubelet.ts';
import {kubeletPort} from '../kubelet/port.ts';
import {nodePressure} from '../kubelet/pressure.ts';
import {nodeReady} from '../kubelet/ready.ts';
import {kubeletService} from '../kubelet/service.ts';
import {supervisor} from '../kubelet/supervisor.ts';
import {apiServer} from '../network/api-server.ts';
import {clock} from '../network/clock.ts';
import {clusterDns} from '../network/cluster-dns.ts';
import {kubeletFirewall} from '../network/kubelet-firewall.ts';
import {ranges} from '../network/ranges.ts';
import {podNetworks, podVolumes} from '../pods/blocked.ts';
import {podCrashes} from '../pods/crashes.ts';
import {podEnds} from '../pods/ends.ts';
import {podImages} from '../pods/images.ts';
import {podMemory} from '../pods/memory-kills.ts';
import {podProbes} from '../pods/probes.ts';
import {podRefusals} from '../pods/refused.ts';
import {podSandboxes} from '../pods/sandboxes.ts';
import {podStarts} from '../pods/starts.ts';
import {staticFiles} from '../pods/static-files.ts';
import {committedRules} from '../proxy/committed.ts';
import {servicesFollowed} from '../proxy/following.ts';
import {foreignRules} from '../proxy/foreign-rules.ts';
import {forwardDrop} from '../proxy/forward-drop.ts';
import {proxyHealth} from '../proxy/health.ts';
import {mixedRules} from '../proxy/mixed-rules.ts';
import {proxyPort} from '../proxy/port.ts';
import {serviceRules} from '../proxy/rules.ts';
import {proxyService} from '../proxy/service.ts';
import {serviceAnswers} from '../proxy/service-answers.ts';
import {runtimeAnswers} from '../runtime/answers.ts';
import {cgroupDriver} from '../runtime/cgroup-driver.ts';
import {cniConfig} from '../runtime/cni-config.ts';
import {cniPlugins} from '../runtime/cni-plugins.ts';
import {podBridge} from '../runtime/pod-bridge.ts';
import {podNetwork} from '../runtime/pod-network.ts';
import {runtimeReady} from '../runtime/ready.ts';
import {shims} from '../runtime/shims.ts';
import {authorized} from '../trust/authorized.ts';
import {servingRequest} from '../trust/serving-request.ts';
import type {NodeContext} from './context.ts';
import {joined} from './joined.ts';
import {seesAll} from './sees-all.ts';

/** What `status` looks at, causes before what they cause: the first error is the root of the trouble. */
export const nodeCatalogue: readonly AnyCheck<NodeContext>[] = [
  fileSystems,
  joined,
  writable,
  diskRoom,
  memoryRoom,
  pids,
  inotify,
  openFilesLeft,
  kubeconfig,
  clientCertificate,
  kubeletConfiguration,
  otherKubelet,
  kubeletPort,
  runtimeAnswers,
  runtimeReady,
  cgroupDriver,
  cniConfig,
  cniPlugins,
  podNetwork,
  podBridge,
  kubeletService,
  kubeletHealth,
  apiServer,
  clock,
  authorized,
  nodeObject,
  sameMachine,
  nodeAddress,
  ranges,
  nodeReady,
  nodeLease,
  nodePressure,
  forwarding,
  bridgeCalls,
  conntrack,
  proxyPort,
  proxyService,
  proxyHealth,
  serviceRules,
  committedRules,
  servicesFollowed,
  forwardDrop,
  serviceAnswers,
  clusterDns,
  foreignRules,
  mixedRules,
  kubeletFirewall,
  servingRequest,
  podSandboxes,
  podVolumes,
  podNetworks,
  podImages,
  podCrashes,
  podStarts,
  podProbes,
  podRefusals,
  podMemory,
  podEnds,
  staticFiles,
  shims,
  swapOff,
  fstabSwap,
  logGrowth,
  oom,
  kernelComplaints,
  supervisor,
  bootStart,
  resolvConf,
  seesAll,
];
