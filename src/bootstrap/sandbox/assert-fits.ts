import {catalogue} from '../../checks/catalogue.ts';
import type {Finding} from '../../checks/check.ts';
import {runChecks} from '../../checks/graph.ts';
import {judgeOwners} from '../../checks/leftovers/ports.ts';
import {nodeOptions} from '../../config/join.ts';
import {type SandboxSettings, sandboxService} from '../../config/sandbox.ts';
import {observeMachine} from '../../edges/machine/machine.ts';
import {portOwners} from '../../edges/network/ports.ts';
import {NodectlError} from '../../lib/errors.ts';
import {sandboxServices} from './services.ts';

/**
 * Refuses a machine on which the sandbox or its node cannot run, before anything is changed: the join's own
 * checks, and the ports of the control plane.
 */
export async function assertFits(
  settings: SandboxSettings,
  deps: {readonly program: readonly string[]; readonly signal: AbortSignal},
): Promise<void> {
  const machine = await observeMachine();
  const {running} = machine.root
    ? await (await sandboxServices(settings, deps.program)).status(sandboxService)
    : {running: false};
  if (running) return;
  const {nodeName, root} = settings;
  const options = nodeOptions({
    hostname: nodeName,
    nodeName,
    root,
    cni: 'bridge',
    proxy: 'nodectl',
  });
  const results = await runChecks(catalogue, {options, machine, joined: false, ownPids: []}, deps.signal);
  const findings = results.flatMap((result) => (result.state === 'found' ? result.findings : []));
  const ports = judgeOwners(await portOwners([settings.port, settings.dnsPort]), []);
  assertNone([...findings, ...ports].filter(({severity}) => severity === 'error'));
}

function assertNone([first, ...others]: readonly Finding[]): void {
  if (first === undefined) return;
  const more = others.map(({code, message}) => `${code}: ${message}`);
  throw new NodectlError(first.code, [first.message, ...more].join('\n'), {next: first.next});
}
