import {expect, it} from 'vitest';
import {resetSummary} from '../../../src/ui/join-summary.ts';

const result = {planned: false, nodeName: 'n1', undone: ['remove /x'], left: []};

it('promises of a node of ours that all is as before', () =>
  expect(resetSummary(result, {adopted: false})).toBe(
    'Reset: everything is as it was before.\nThe cluster still knows the node: kubectl delete node n1',
  ));

it('promises less of an adopted one, and says how to agree to its plan', () => {
  expect(resetSummary(result, {adopted: true})).toMatch(/^Cleaned: .* stay\.\n/);
  const planned = {...result, planned: true};
  expect(resetSummary(planned, {adopted: true})).toMatch(
    /remove \/x\nnodectl reset --adopt --yes does it\.$/,
  );
  expect(resetSummary(planned, {adopted: false})).not.toContain('--yes');
});
