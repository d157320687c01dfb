import type {JoinInput} from '../join.ts';

/** Fields that say nothing do not hide what others say; Go, too, reads '' as not given. */
export function defined(fields: Partial<JoinInput>): Partial<JoinInput> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''),
  );
}
