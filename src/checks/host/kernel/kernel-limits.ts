import {type Finding, failure, warning} from '../../check.ts';

type Used = {readonly used: number; readonly max: number};

/** Warn with a tenth left, fail with a hundredth: by then something fails now and then. */
export function nearlyUsed(
  {used, max}: Used,
  code: 'ND124' | 'ND125' | 'ND128',
  what: string,
  next: string,
): readonly Finding[] {
  if (max <= 0 || used < max * 0.9) return [];
  const message = `${used} of ${max} ${what} are in use`;
  return [used < max * 0.99 ? warning(code, message, next) : failure(code, message, next)];
}
