import type {Command} from '@oclif/core';
import Apply from './apply.ts';
import BundleAirgap from './bundle/airgap.ts';
import Bundle from './bundle/index.ts';
import Exec from './exec.ts';
import Explain from './explain.ts';
import ImagesImport from './images/import.ts';
import Images from './images/index.ts';
import ImagesPrune from './images/prune.ts';
import ImagesPull from './images/pull.ts';
import Inspect from './inspect.ts';
import Join from './join.ts';
import Kubelet from './kubelet.ts';
import Logs from './logs.ts';
import NetProbe from './net-probe.ts';
import Pods from './pods.ts';
import Preflight from './preflight.ts';
import ServeProxy from './proxy.ts';
import Ps from './ps.ts';
import Reset from './reset.ts';
import Restart from './restart.ts';
import SandboxDown from './sandbox/down.ts';
import SandboxKubeconfig from './sandbox/kubeconfig.ts';
import SandboxServe from './sandbox/serve.ts';
import SandboxToken from './sandbox/token.ts';
import SandboxUp from './sandbox/up.ts';
import Status from './status.ts';
import Supervise from './supervise.ts';
import Upgrade from './upgrade.ts';

/** Every command by its oclif id; the command sentence is the file path. */
export const COMMANDS: Record<string, Command.Class> = {
  apply: Apply,
  'bundle:airgap': BundleAirgap,
  bundle: Bundle,
  exec: Exec,
  explain: Explain,
  images: Images,
  'images:import': ImagesImport,
  'images:prune': ImagesPrune,
  'images:pull': ImagesPull,
  inspect: Inspect,
  join: Join,
  kubelet: Kubelet,
  logs: Logs,
  'net-probe': NetProbe,
  pods: Pods,
  preflight: Preflight,
  proxy: ServeProxy,
  ps: Ps,
  reset: Reset,
  restart: Restart,
  'sandbox:down': SandboxDown,
  'sandbox:kubeconfig': SandboxKubeconfig,
  'sandbox:serve': SandboxServe,
  'sandbox:token': SandboxToken,
  'sandbox:up': SandboxUp,
  status: Status,
  supervise: Supervise,
  upgrade: Upgrade,
};
