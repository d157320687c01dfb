import {expect, it} from 'vitest';
import {countingFromNow} from '../../../src/bootstrap/learn/restarts.ts';
import type {ServiceManager} from '../../../src/edges/systemd/services.ts';

const nobody = async () => expect.unreachable();

/** A manager that answers with so many restarts, one after the other. */
function manager(...restarts: number[]): ServiceManager {
  return {
    kind: 'systemd',
    file: () => expect.unreachable(),
    install: nobody,
    reload: nobody,
    start: nobody,
    stop: nobody,
    restart: nobody,
    disable: nobody,
    remove: nobody,
    log: nobody,
    follow: nobody,
    status: async () => ({
      installed: true,
      enabled: true,
      running: false,
      restarting: true,
      restarts: restarts.shift() ?? expect.unreachable(),
    }),
  };
}

it.each([
  ['it has ended before', [5, 5], 0],
  ['it has ended since', [5, 8], 3],
  ['somebody started it since, and it ended', [5, 1], 1],
  ['it never has', [0, 0], 0],
])('restarts are counted from the beginning of a join: %s', async (_, answers, expected) => {
  const counting = await countingFromNow(manager(...answers), ['nodectl-kubelet']);
  expect((await counting.status('nodectl-kubelet')).restarts).toBe(expected);
});
