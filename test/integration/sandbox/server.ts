import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {realClock} from '../../../src/edges/clock.ts';
import {loadKubeconfig} from '../../../src/edges/kube/connection.ts';
import {connectKube, type KubeConnectionClient} from '../../../src/edges/kube/http-client.ts';
import {silent} from '../../../src/lib/log.ts';
import {createAdmission} from '../../../src/sandbox/admission/admit.ts';
import {type Sandbox, type SandboxOptions, startSandbox} from '../../../src/sandbox/server.ts';

/** A directory that a test's own clean-up removes. */
export function temporaryDir(): {path: string; remove(): void} {
  const path = mkdtempSync(join(tmpdir(), 'nodectl-sandbox-'));
  return {path, remove: () => rmSync(path, {recursive: true, force: true})};
}

/** An API server with real admission on a free port of loopback. */
export function startServer(stateDir: string, more: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  return startSandbox({
    stateDir,
    address: '127.0.0.1',
    port: 0,
    serviceCidr: '10.96.0.0/12',
    podCidr: '10.244.0.0/16',
    clusterDomain: 'cluster.local',
    version: 'v1.36.0',
    log: silent,
    clock: realClock,
    admit: createAdmission({serviceCidrs: ['10.96.0.0/12'], random: Math.random}),
    ...more,
  });
}

/** The administrator, over TLS like everybody else. */
export async function adminOf(sandbox: Sandbox): Promise<KubeConnectionClient> {
  return connectKube(await loadKubeconfig(sandbox.files.adminKubeconfig));
}
