import {stringify} from 'yaml';

/**
 * A document as YAML, without references between its parts. What a reader of YAML 1.1 (PyYAML, Ruby's) would take for a
 * date, a number or a truth is quoted.
 */
export function yamlText(document: object): string {
  return stringify(document, {version: '1.1', aliasDuplicateObjects: false, lineWidth: 0}).trimEnd();
}
