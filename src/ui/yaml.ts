import {stringify} from 'yaml';

/** A document as YAML, without references between its parts. */
export function yamlText(document: object): string {
  return stringify(document, {aliasDuplicateObjects: false, lineWidth: 0}).trimEnd();
}
