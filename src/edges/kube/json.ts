/** `__proto__` as it may be written in JSON: plainly, or with an escaped underscore. */
const suspicious = /__proto__|\\u005f/i;

/**
 * JSON from outside. JSON.parse makes `__proto__` an own property, which a later copy by assignment would turn
 * into a prototype; it is dropped here, so that no code above has to think of it.
 */
export function parseJson<T>(text: string): T {
  if (!suspicious.test(text)) return JSON.parse(text);
  return JSON.parse(text, function (this: unknown, key: string, value: unknown) {
    return key === '__proto__' ? undefined : value;
  });
}
