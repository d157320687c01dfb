import {join} from 'node:path';
import {kubeconfigText} from '../config/kubeconfig.ts';
import {errno, makeDirectory, writeAtomic} from '../edges/files/files.ts';
import {portOwners} from '../edges/network/ports.ts';
import {NodectlError} from '../lib/errors.ts';
import {urlHost} from './addresses.ts';
import {HttpServer} from './api/http/http-server.ts';
import {inProcessClient} from './api/http/in-process-client.ts';
import {impersonated} from './auth/impersonate.ts';
import {apiServerUser, type Core, createCore} from './core.ts';
import {expireEvents} from './event-ttl.ts';
import {GarbageCollector} from './garbage.ts';
import type {Sandbox, SandboxOptions} from './options.ts';
import {ensurePki, filesOf, type Pki} from './pki.ts';
import {KubeletProxy} from './proxy/kubelet-proxy.ts';
import {seed} from './seed.ts';
import {Store} from './store/store.ts';

export type {Sandbox, SandboxOptions} from './options.ts';

/** Starts the API server of the one-machine control plane; what it knows is in `stateDir`. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const {stateDir, clock, log} = options;
  await makeDirectory(stateDir, 0o700);
  const pki = await ensurePki({...options, nowMs: clock.now()});
  const store = new Store(join(stateDir, 'sandbox.db'));
  const core = createCore({...options, store, serviceAccountKey: pki.serviceAccountKey});
  const client = inProcessClient(core.handler, apiServerUser, 'nodectl-sandbox/1');
  const proxy = new KubeletProxy(pki, log);
  const server = httpServer(options, pki, core, proxy);
  const garbage = new GarbageCollector(core.registry, clock, log);
  const stopExpiry = expireEvents(core.registry, clock);
  const shut = async () => {
    garbage.close();
    stopExpiry();
    await server.close();
    proxy.close();
    store.close();
  };
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= shut();
    return closing;
  };
  try {
    await seed(client);
    const port = await listen(server, options.port);
    const url = `https://${urlHost(options.address)}:${port}`;
    await writeAdminKubeconfig(stateDir, pki, url);
    return {url, client, files: filesOf(stateDir), ca: pki.ca, port, close};
  } catch (error) {
    await close();
    throw error;
  }
}

function httpServer({log}: SandboxOptions, pki: Pki, core: Core, proxy: KubeletProxy): HttpServer {
  return new HttpServer(
    {cert: pki.serving.cert, key: pki.serving.key, ca: pki.ca.cert},
    {
      handler: core.handler,
      authenticate: core.authenticate,
      impersonate: (sender, headers) => impersonated(sender, headers, core.authorize),
      proxy: (answer, request, response) => proxy.forward(answer, request, response),
      upgrade: (answer, request, socket, head) => proxy.upgrade(answer, request, socket, head),
      log,
    },
  );
}

/** @throws NodectlError ND601 naming the process that holds the port */
async function listen(server: HttpServer, port: number): Promise<number> {
  try {
    return await server.listen(port);
  } catch (error) {
    if (errno(error) !== 'EADDRINUSE') throw error;
    const [owner] = await portOwners([port]);
    const holder = owner?.pid === undefined ? '' : ` by process ${owner.pid} (${owner.command})`;
    throw new NodectlError('ND601', `port ${port} of the API server is held${holder}`, {cause: error});
  }
}

async function writeAdminKubeconfig(stateDir: string, pki: Pki, server: string): Promise<void> {
  const text = kubeconfigText({
    server,
    caData: pki.ca.cert,
    certData: pki.admin.cert,
    keyData: pki.admin.key,
    clusterName: 'nodectl-sandbox',
    userName: 'kubernetes-admin',
    contextName: 'nodectl-sandbox',
  });
  await writeAtomic(filesOf(stateDir).adminKubeconfig, text, 0o600);
}
