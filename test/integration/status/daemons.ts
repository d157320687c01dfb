import {ask} from '../../../src/edges/supervisor/client.ts';
import {SupervisorState} from '../../../src/edges/supervisor/state.ts';
import type {Machine} from '../support/machine.ts';

const dirs = {
  node: '/var/lib/nodectl/supervisor',
  sandbox: '/var/lib/nodectl/sandbox/supervisor',
};

function stateOf(machine: Machine, name: string): SupervisorState {
  return new SupervisorState(machine.path(name === 'nodectl-sandbox' ? dirs.sandbox : dirs.node));
}

/** Stops a daemon as an administrator would: it stays down. */
export async function stopDaemon(machine: Machine, name: string): Promise<void> {
  const state = stateOf(machine, name);
  await state.unwant(name);
  await ask(state.socket, {op: 'sync', name}, 60_000);
}

export async function startDaemon(machine: Machine, name: string): Promise<void> {
  const state = stateOf(machine, name);
  await state.want(name);
  await ask(state.socket, {op: 'sync', name}, 60_000);
}
