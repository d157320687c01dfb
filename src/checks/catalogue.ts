import type {AnyCheck} from './check.ts';
import {cgroups} from './host/cgroups.ts';
import {conntrack} from './host/conntrack.ts';
import {disk} from './host/disk.ts';
import {distribution} from './host/distribution.ts';
import {inotify} from './host/inotify.ts';
import {memory} from './host/memory.ts';
import {oom} from './host/oom.ts';
import {pids} from './host/pids.ts';
import {root} from './host/root.ts';
import {swap} from './host/swap.ts';
import {writable} from './host/writable.ts';
import {machineId} from './identity/machine-id.ts';
import {kubeletFiles} from './leftovers/kubelet-files.ts';
import {oldMounts} from './leftovers/mounts.ts';
import {port} from './leftovers/ports.ts';
import {oldRules} from './leftovers/rules.ts';

/** Every check, causes before what they cause. */
export const catalogue: readonly AnyCheck[] = [
  root,
  distribution,
  memory,
  disk,
  writable,
  pids,
  inotify,
  conntrack,
  oom,
  cgroups,
  swap,
  machineId,
  kubeletFiles,
  oldRules,
  oldMounts,
  port((ports) => ports.kubelet, 'Port-10250', false),
  port((ports) => ports.kubeletHealthz, 'Port-10248', false),
  port((ports) => ports.proxyHealthz, 'Port-10256', true),
  port((ports) => ports.proxyMetrics, 'Port-10249', true),
];
