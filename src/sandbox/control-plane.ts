import {createAdmission} from './admission/admit.ts';
import type {ControllerTuning} from './controllers/deps.ts';
import {startControllers} from './controllers/start.ts';
import type {Sandbox, SandboxOptions} from './options.ts';
import {startSandbox} from './server.ts';

export type ControlPlaneOptions = Omit<SandboxOptions, 'admit'> & {
  /** ClusterIP of kube-dns. */
  readonly dnsServiceIp: string;
  readonly dnsPort: number;
  readonly tuning?: ControllerTuning;
};

/** The whole control plane: API server, admission, controllers. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<Sandbox> {
  const admit = createAdmission({serviceCidrs: [options.serviceCidr], random: Math.random});
  const sandbox = await startSandbox({...options, admit});
  try {
    const controllers = await startControllers({
      client: sandbox.client,
      clock: options.clock,
      log: options.log,
      ca: sandbox.ca,
      address: {host: options.address, port: sandbox.port},
      serviceCidr: options.serviceCidr,
      podCidr: options.podCidr,
      clusterDomain: options.clusterDomain,
      dnsServiceIp: options.dnsServiceIp,
      dnsEndpoint: {address: options.address, port: options.dnsPort},
      kubernetesVersion: options.version,
      random: Math.random,
      tuning: options.tuning,
    });
    return {
      ...sandbox,
      close: async () => {
        await controllers.stop();
        await sandbox.close();
      },
    };
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}
