import {getText} from '../../edges/http/http.ts';
import type {ServiceStatus, ServiceUnit} from '../../edges/systemd/services.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Act} from '../apply/acts.ts';
import {kubeletUnit, proxyFiles, proxyUnit} from '../learn/node-files.ts';
import {unmetFiles, type WantedFile, writes} from '../learn/wanted.ts';
import {type Facts, type PhaseDecision, phase} from '../phase.ts';

export type SeenService = {
  readonly unit: ServiceUnit;
  readonly status: ServiceStatus;
  readonly healthy: boolean;
  /** Its last words, read only when it does not stay up. */
  readonly log: readonly string[];
};

export type SeenServices = {readonly files: readonly WantedFile[]; readonly services: readonly SeenService[]};

/** The kubelet and the proxy as services of this machine, running what was written and healthy. */
export const services = phase<SeenServices>({
  name: 'services',
  title: 'Start the kubelet and the proxy',
  waitMs: ({timeouts}) => timeouts.kubeletMs,
  late: (waiting) => new NodectlError('ND703', waiting),
  observe: (facts) => seeServices(facts, wantedUnits(facts)),
  decide: decideServices,
});

export function decideServices({files, services: all}: SeenServices): PhaseDecision {
  const acts: Act[] = writes(files);
  if (files.length > 0) acts.push({kind: 'reload'});
  for (const {unit, status} of all) {
    if (!status.enabled || (!status.running && !status.restarting))
      acts.push({kind: 'start', name: unit.name});
    else if (status.running && status.revision !== unit.env?.NODECTL_REVISION)
      acts.push({kind: 'restart', name: unit.name});
  }
  const failing = all.find(({status, healthy}) => !healthy && !status.running && status.restarts >= 3);
  if (failing !== undefined) throw notUp(failing);
  if (acts.length > 0) return {acts};
  const waiting = all.find(({healthy}) => !healthy);
  if (waiting === undefined) return {acts: []};
  return {acts: [], againInMs: 200, waiting: `waiting for ${waiting.unit.name} to become healthy`};
}

function notUp({unit, status, log}: SeenService): NodectlError {
  const how = `${unit.name} ended ${status.restarts} times, last with ${status.lastExit ?? 'an unknown code'}`;
  return new NodectlError('ND703', [how, ...log].join('\n'));
}

type WantedUnit = {readonly unit: ServiceUnit; readonly port: number};

/** A proxy that nobody asked for by name waits until it is known whether another one serves the node. */
function wantedUnits(facts: Facts): WantedUnit[] {
  const {ports, proxy, proxyChosen} = facts.options;
  return [
    {unit: kubeletUnit(facts), port: ports.kubeletHealthz},
    ...(proxy === 'nodectl' && proxyChosen ? [{unit: proxyUnit(facts), port: ports.proxyHealthz}] : []),
  ];
}

export async function seeServices(facts: Facts, units: readonly WantedUnit[]): Promise<SeenServices> {
  const forProxy = units.some(({unit}) => unit.name === 'nodectl-proxy') ? proxyFiles(facts) : [];
  return {
    files: await unmetFiles([...forProxy, ...units.map(({unit}) => facts.services.file(unit))]),
    services: await Promise.all(units.map(({unit, port}) => see(facts, unit, port))),
  };
}

async function see(facts: Facts, unit: ServiceUnit, port: number): Promise<SeenService> {
  const [status, health] = await Promise.all([
    facts.services.status(unit.name),
    getText(`http://127.0.0.1:${port}/healthz`),
  ]);
  const log = status.restarts >= 3 ? await facts.services.log(unit.name, 5) : [];
  return {unit, status, healthy: health !== undefined, log};
}
