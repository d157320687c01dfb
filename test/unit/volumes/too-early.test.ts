import {expect, it, vi} from 'vitest';
import {unlessTooEarly} from '../../../src/kubelet/volumes/too-early.ts';

const early =
  'secrets "s" is forbidden: User "system:node:n" cannot watch resource "secrets" in API group "" in the namespace "d": no relationship found between node \'n\' and this object';
const pause = async () => {};

it('asks again until the authorizer has heard of the pod', async () => {
  const work = vi
    .fn()
    .mockRejectedValueOnce(new Error(early))
    .mockRejectedValueOnce(new Error(`[${early}]`));
  work.mockResolvedValue('files');
  expect(await unlessTooEarly(undefined, work, pause)).toBe('files');
  expect(work).toHaveBeenCalledTimes(3);
});

it('tells what stays refused, and at once what fails otherwise', async () => {
  const refused = vi.fn().mockRejectedValue(new Error(early));
  await expect(unlessTooEarly(undefined, refused, pause)).rejects.toThrow('no relationship');
  expect(refused).toHaveBeenCalledTimes(5);
  const missing = vi.fn().mockRejectedValue(new Error('secret "s" not found'));
  await expect(unlessTooEarly(undefined, missing, pause)).rejects.toThrow('not found');
  expect(missing).toHaveBeenCalledTimes(1);
});

it('ends with its pod', async () => {
  const ended = AbortSignal.abort(new Error('the pod has gone'));
  const work = vi.fn().mockRejectedValue(new Error(early));
  await expect(unlessTooEarly(ended, work)).rejects.toThrow();
  expect(work).toHaveBeenCalledTimes(1);
});
