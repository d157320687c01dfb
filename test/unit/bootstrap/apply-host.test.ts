import {describe, expect, it} from 'vitest';
import {startService} from '../../../src/bootstrap/apply/apply-host.ts';
import {lateRequest} from '../../../src/bootstrap/phases/identity.ts';
import {ownAddressHint} from '../../../src/checks/trust/answers.ts';
import {supervisedServices} from '../../../src/edges/systemd/supervised.ts';
import {NodectlError} from '../../../src/lib/errors.ts';

/** What somebody reads at three in the morning. */
describe('a service that its manager cannot start', () => {
  const none = supervisedServices({dir: '/nonexistent', logDir: '/nonexistent', program: []});
  const failing = (error: Error) => ({
    services: {...none, start: () => Promise.reject(error), log: async () => ['unknown field maxPod']},
  });

  it.each([
    ['nodectl-kubelet', 'ND703'],
    ['containerd', 'ND505'],
    ['nodectl-proxy', 'ND735'],
    ['other', 'ND702'],
  ])('%s has a code of its own and its last words', async (name, code) => {
    const error = new NodectlError('ND903', 'systemctl enable --now: exit 1\nJob failed.');
    await expect(startService('start', name, failing(error))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/did not start: [\s\S]*Job failed\.\nunknown field maxPod$/),
    });
  });

  it('keeps a code that says more', async () => {
    const error = new NodectlError('ND702', 'the supervisor does not answer');
    await expect(startService('start', 'nodectl-kubelet', failing(error))).rejects.toBe(error);
  });
});

it.each([
  ['certificate request node-csr-a is pending since 2026-01-01', /^kubectl certificate approve node-csr-a,/],
  ['certificate request node-csr-a is approved; its signer has not', /kube-controller-manager/],
])('a certificate that does not come has the command for that: %s', (waiting, expected) => {
  expect(lateRequest(waiting).join()).toMatch(expected);
});

it.each([
  ['https://10.0.2.15:6443', true],
  ['https://127.0.0.1:6443', true],
  ['https://localhost:6443', true],
  ['https://[fd00::7]:6443', true],
  ['https://[::1]:6443', true],
  ['https://192.168.56.10:6443', false],
  ['https://api.example.org', false],
])('an API server that would be this machine itself is told of: %s', (server, expected) => {
  expect(ownAddressHint(server, ['10.0.2.15', 'fd00::7']).length > 0).toBe(expected);
});
