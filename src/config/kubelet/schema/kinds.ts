import * as z from 'zod/mini';
import {parseQuantity} from '../../../lib/quantity.ts';
import {parseDuration} from '../../machine/units.ts';

/**
 * Kinds of fields. Go cannot tell an unset string, number or duration from its zero value, so for those the zero value
 * means the default too. Durations are milliseconds after parsing.
 */
export const text = z._default(z.string(), '');
export const texts = z._default(z.array(z.string()), []);
export const textMap = z._default(z.record(z.string(), z.string()), {});
export const flag = (fallback: boolean) => z._default(z.boolean(), fallback);
/** Go's int32. */
export const integer = z.int32();
export const wideInteger = z.int();
export const port = z.int().check(z.minimum(0), z.maximum(65_535));
export const count = z.int32().check(z.minimum(0));
export const percent = z.int().check(z.minimum(0), z.maximum(100));
export const quantity = z
  .union([z.string(), z.number()])
  .check(z.refine((value) => parseQuantity(value) !== undefined, {error: 'is not a quantity'}));
export const quantities = z._default(z.record(z.string(), z.pipe(quantity, z.transform(String))), {});

export const duration = z.pipe(
  z
    .string()
    .check(
      z.refine((value) => parseDuration(value) !== undefined, {error: 'is not a duration such as 1m30s'}),
    ),
  z.transform((value: string) => parseDuration(value) ?? 0),
);

export const orText = (fallback: string) =>
  z._default(
    z.pipe(
      z.string(),
      z.transform((value: string) => (value === '' ? fallback : value)),
    ),
    fallback,
  );
export const orCount = (fallback: number, kind: z.ZodMiniType<number, number> = count) =>
  z._default(
    z.pipe(
      kind,
      z.transform((value: number) => (value === 0 ? fallback : value)),
    ),
    fallback,
  );
export const orPort = (fallback: number) =>
  z._default(
    z.pipe(
      port,
      z.transform((value: number) => (value === 0 ? fallback : value)),
    ),
    fallback,
  );
export const orDuration = (fallbackMs: number) =>
  z._default(
    z.pipe(
      duration,
      z.transform((value: number) => (value === 0 ? fallbackMs : value)),
    ),
    fallbackMs,
  );
export function oneOf<const T extends string>(...options: readonly [T, ...T[]]) {
  const [fallback] = options;
  const known = z.string().check(
    z.refine((value) => value === '' || options.some((option) => option === value), {
      error: `is not one of ${options.join(', ')}`,
    }),
  );
  const chosen = z.transform((value: string): T => options.find((option) => option === value) ?? fallback);
  return z.prefault(z.pipe(known, chosen), '');
}

export const seconds = (n: number): number => n * 1000;
export const minutes = (n: number): number => n * 60_000;
