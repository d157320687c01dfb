import {readText} from '../edges/files/files.ts';
import {createAdmission} from './admission/admit.ts';
import type {ControllerDeps, ControllerTuning} from './controllers/deps.ts';
import {startControllers} from './controllers/start.ts';
import {nameServers} from './dns/forward.ts';
import {startDns} from './dns/start.ts';
import type {Sandbox, SandboxOptions} from './options.ts';
import {startSandbox} from './server.ts';

export type ControlPlaneOptions = Omit<SandboxOptions, 'admit'> & {
  /** ClusterIP of kube-dns. */
  readonly dnsServiceIp: string;
  /** Where the cluster's DNS listens at `address`; 0 takes a free one. */
  readonly dnsPort: number;
  readonly tuning?: ControllerTuning;
};

/** The whole control plane: API server, admission, controllers, cluster DNS. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<Sandbox> {
  const admit = createAdmission({serviceCidrs: [options.serviceCidr], random: Math.random});
  const sandbox = await startSandbox({...options, admit});
  const parts: {stop(): Promise<void>}[] = [];
  const close = async () => {
    for (const part of parts.reverse()) await part.stop();
    await sandbox.close();
  };
  try {
    const upstreams = nameServers((await readText('/etc/resolv.conf')) ?? '');
    const dns = await startDns({...options, client: sandbox.client, port: options.dnsPort, upstreams});
    parts.push({stop: () => dns.close()});
    parts.push(await startControllers(controllerDeps(options, sandbox, dns.port)));
    return {...sandbox, close};
  } catch (error) {
    await close();
    throw error;
  }
}

function controllerDeps(options: ControlPlaneOptions, sandbox: Sandbox, dnsPort: number): ControllerDeps {
  return {
    ...options,
    client: sandbox.client,
    ca: sandbox.ca,
    address: {host: options.address, port: sandbox.port},
    dnsEndpoint: {address: options.address, port: dnsPort},
    kubernetesVersion: options.version,
    random: Math.random,
  };
}
