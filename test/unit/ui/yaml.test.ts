import {expect, it} from 'vitest';
import {parse} from 'yaml';
import {yamlText} from '../../../src/ui/yaml.ts';

const document = {
  since: '2026-11-21T14:00:16Z',
  day: '2026-11-21',
  words: ['yes', 'on', 'n', '~', '010', '1e3', '1_000', '12:30', 'a: b', '- c', '#d', '', ' e ', 'a\nb'],
  n: 1,
  none: null,
  truth: false,
};

it.each(['1.1', '1.2'] as const)('readers of YAML %s see what was meant', (version) => {
  expect(parse(yamlText(document), {version})).toEqual(document);
});
