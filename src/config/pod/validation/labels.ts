import {labelValue, qualifiedName} from './names.ts';
import type {Problems} from './problems.ts';

export function checkLabels(
  problems: Problems,
  labels: Record<string, string> | undefined,
  field: string,
): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const problem of qualifiedName(key)) problems.invalid(field, key, problem);
    for (const problem of labelValue(value)) problems.invalid(field, value, problem);
  }
}
