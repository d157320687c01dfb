import {Flags} from '@oclif/core';
import {BaseCommand} from '../../ui/base-command.ts';

/** Runs the control plane in the foreground; `sandbox up` starts it as a service. */
export default class SandboxServe extends BaseCommand {
  static override hidden = true;
  static override description = 'Runs the one-machine control plane until it is told to stop.';
  static override flags = {
    'state-dir': Flags.string({required: true, description: 'where the database and the keys live'}),
    address: Flags.string({required: true, description: 'IP at which nodes reach the API server'}),
    port: Flags.integer({default: 6443, description: 'port of the API server'}),
    'cluster-domain': Flags.string({default: 'cluster.local', description: 'domain of cluster DNS'}),
    'service-cidr': Flags.string({default: '10.96.0.0/12', description: 'addresses of Services'}),
    'pod-cidr': Flags.string({default: '10.244.0.0/16', description: 'addresses of pods'}),
    'dns-service-ip': Flags.string({default: '10.96.0.10', description: 'ClusterIP of cluster DNS'}),
    'dns-port': Flags.integer({default: 10053, description: 'port of cluster DNS at the address'}),
    'kubernetes-version': Flags.string({default: 'v1.36.4', description: 'version told at /version'}),
    'log-level': Flags.option({
      options: ['debug', 'info', 'warn', 'error'] as const,
      default: 'info' as const,
    })(),
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(SandboxServe);
    const {realClock} = await import('../../edges/clock.ts');
    const {jsonLogger} = await import('../../edges/logs/log.ts');
    const {keepHeapSmall} = await import('../../edges/machine/heap.ts');
    const {endingSignal} = await import('../../edges/process/process-life.ts');
    const {startControlPlane} = await import('../../sandbox/control-plane.ts');
    keepHeapSmall();
    const ending = endingSignal();
    const log = jsonLogger('sandbox', flags['log-level']);
    const sandbox = await startControlPlane({
      stateDir: flags['state-dir'],
      address: flags.address,
      port: flags.port,
      serviceCidr: flags['service-cidr'],
      podCidr: flags['pod-cidr'],
      clusterDomain: flags['cluster-domain'],
      dnsServiceIp: flags['dns-service-ip'],
      dnsPort: flags['dns-port'],
      version: flags['kubernetes-version'],
      log,
      clock: realClock,
    });
    log.info('serving', {url: sandbox.url, kubeconfig: sandbox.files.adminKubeconfig});
    await new Promise((resolve) => ending.addEventListener('abort', resolve, {once: true}));
    await sandbox.close();
  }
}
