import {join} from 'node:path';
import {kubeconfigText} from '../config/kubeconfig.ts';
import {makeDirectory, writeAtomic} from '../edges/files.ts';
import {urlHost} from './addresses.ts';
import {createHandler, type Handler} from './api/handler.ts';
import {HttpServer} from './api/http-server.ts';
import {inProcessClient} from './api/in-process-client.ts';
import {createOperations} from './api/operations.ts';
import {Registry} from './api/registry.ts';
import {createSpecials} from './api/specials.ts';
import type {Attributes} from './auth/attributes.ts';
import {createAuthenticate, createCheckToken} from './auth/authenticate.ts';
import {createAuthorizer, enforce} from './auth/authorize.ts';
import {impersonated} from './auth/impersonate.ts';
import {nodeAuthorizer} from './auth/node-authorizer.ts';
import {NodeGraph} from './auth/node-graph.ts';
import {withNodeRestriction} from './auth/node-restriction.ts';
import {ServiceAccountTokens} from './auth/service-account-tokens.ts';
import type {User} from './contract.ts';
import {createDescribe} from './discovery/describe.ts';
import {GarbageCollector} from './garbage.ts';
import type {Sandbox, SandboxOptions} from './options.ts';
import {ensurePki, filesOf, type Pki} from './pki.ts';
import {KubeletProxy} from './proxy/kubelet-proxy.ts';
import {seed} from './seed.ts';
import {Store} from './store/store.ts';

export type {Sandbox, SandboxOptions} from './options.ts';

const admin: User = {username: 'system:apiserver', groups: ['system:masters', 'system:authenticated']};

/** Starts the API server of the one-machine control plane; what it knows is in `stateDir`. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const {stateDir, clock, log} = options;
  await makeDirectory(stateDir, 0o700);
  const pki = await ensurePki({...options, nowMs: clock.now()});
  const store = new Store(join(stateDir, 'sandbox.db'));
  const core = assemble(options, pki, store);
  const client = inProcessClient(core.handler, admin, 'nodectl-sandbox/1');
  const server = new HttpServer(
    {cert: pki.serving.cert, key: pki.serving.key, ca: pki.ca.cert},
    {
      handler: core.handler,
      authenticate: core.authenticate,
      impersonate: (sender, headers) => impersonated(sender, headers, core.authorize),
      proxy: (answer, request, response) => core.proxy.forward(answer, request, response),
      upgrade: (answer, request, socket, head) => core.proxy.upgrade(answer, request, socket, head),
      log,
    },
  );
  const garbage = new GarbageCollector(core.registry, clock, log);
  try {
    await seed(client);
    const port = await server.listen(options.port, '::');
    const url = `https://${urlHost(options.address)}:${port}`;
    await writeAdminKubeconfig(stateDir, pki, url);
    return {
      url,
      client,
      files: filesOf(stateDir),
      ca: pki.ca,
      port,
      close: async () => {
        garbage.close();
        await server.close();
        core.proxy.close();
        store.close();
      },
    };
  } catch (error) {
    garbage.close();
    await server.close();
    store.close();
    throw error;
  }
}

type Core = {
  readonly registry: Registry;
  readonly handler: Handler;
  readonly authenticate: ReturnType<typeof createAuthenticate>;
  readonly authorize: (attributes: Attributes) => void;
  readonly proxy: KubeletProxy;
};

/** The pipeline that every request goes through, whoever sends it. */
function assemble(options: SandboxOptions, pki: Pki, store: Store): Core {
  const {clock, log} = options;
  const registry = new Registry(
    store,
    clock,
    withNodeRestriction(options.admit ?? ((request) => request.object)),
  );
  const issuer = `https://kubernetes.default.svc.${options.clusterDomain}`;
  const tokens = new ServiceAccountTokens(pki.serviceAccountKey, issuer, store, clock);
  const checkToken = createCheckToken(store, clock, tokens);
  const authorizer = createAuthorizer(store, nodeAuthorizer(new NodeGraph(store)));
  const authorize = enforce(authorizer);
  const proxy = new KubeletProxy(pki, log);
  const handler = createHandler({
    authorize,
    operate: createOperations({
      registry,
      clock,
      specials: createSpecials({registry, clock, tokens, checkToken, authorizer}),
    }),
    describe: createDescribe({version: options.version, tokens}),
    onError: (error, request) =>
      log.error('a request failed unexpectedly', {
        method: request.method,
        path: request.path,
        error: error instanceof Error ? error.stack : String(error),
      }),
  });
  const authenticate = createAuthenticate(checkToken, tokens.audience);
  return {registry, handler, authenticate, authorize, proxy};
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
  await writeAtomic(join(stateDir, 'admin.conf'), text, 0o600);
}
