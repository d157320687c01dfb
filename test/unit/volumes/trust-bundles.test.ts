import {expect, it} from 'vitest';
import {showsTrust, trustAnchors} from '../../../src/kubelet/volumes/kinds/trust-bundles.ts';
import type {ClusterTrustBundle} from '../../../src/lib/kubernetes.ts';

const block = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
const bundle = (
  name: string,
  trustBundle: string,
  signerName?: string,
  labels: Record<string, string> = {},
): ClusterTrustBundle => ({
  metadata: {name, uid: name, resourceVersion: '1', labels},
  spec: {trustBundle, ...(signerName === undefined ? {} : {signerName})},
});
const all = [
  bundle('plain', `about this one\n${block('QUJD')}${block('REVG')}`),
  bundle('a:b:one', block('QUJD'), 'a/b', {live: 'yes'}),
  bundle('a:b:two', `${block('R0hJ')}${block('QUJD')}`, 'a/b', {live: 'no'}),
  bundle('c:d:one', block('SktM'), 'c/d'),
];
const path = 'ca.crt';

it('gives the certificates of a bundle by its name, without what stands between them', () => {
  expect(trustAnchors(all, {name: 'plain', path})).toBe(`${block('QUJD')}${block('REVG')}`);
});

it('gives those of a signer together, each once, as far as their labels are asked for', () => {
  expect(trustAnchors(all, {signerName: 'a/b', labelSelector: {}, path})).toBe(
    `${block('QUJD')}${block('R0hJ')}`,
  );
  const labelSelector = {matchLabels: {live: 'yes'}};
  expect(trustAnchors(all, {signerName: 'a/b', labelSelector, path})).toBe(block('QUJD'));
});

it('refuses what is not there, and what no selector selects, unless it is optional', () => {
  expect(() => trustAnchors(all, {name: 'none', path})).toThrow('"none" not found');
  expect(() => trustAnchors(all, {signerName: 'a/b', path})).toThrow('matched zero ClusterTrustBundles');
  expect(() => trustAnchors(all, {path})).toThrow('requires either name or signerName');
  expect(trustAnchors(all, {name: 'none', path, optional: true})).toBe('');
});

it('breaks long certificates into lines, as PEM has them', () => {
  const body = 'A'.repeat(100);
  expect(trustAnchors([bundle('x', block(body))], {name: 'x', path})).toBe(
    block(`${'A'.repeat(64)}\n${'A'.repeat(36)}`),
  );
});

it('knows the volumes that follow trust bundles', () => {
  expect(showsTrust({name: 'v', projected: {sources: [{clusterTrustBundle: {path}}]}})).toBe(true);
  expect(showsTrust({name: 'v', projected: {sources: [{secret: {name: 's'}}]}})).toBe(false);
});
