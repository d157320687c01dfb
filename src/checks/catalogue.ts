import type {AnyCheck} from './check.ts';
import {disk} from './host/disk/disk.ts';
import {writable} from './host/disk/writable.ts';
import {distribution} from './host/distribution.ts';
import {cgroups} from './host/kernel/cgroups.ts';
import {conntrack} from './host/kernel/conntrack.ts';
import {inotify} from './host/kernel/inotify.ts';
import {pids} from './host/kernel/pids.ts';
import {memory} from './host/memory/memory.ts';
import {oom} from './host/memory/oom.ts';
import {swap} from './host/memory/swap.ts';
import {root} from './host/root.ts';
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
