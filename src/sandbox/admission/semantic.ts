/** As JSON sees it: undefined is absent, and so are empty lists and maps (semantic equality). */
export function plain<T extends object>(value: T): T {
  return JSON.parse(
    JSON.stringify(value, (_key, part) =>
      part !== null && typeof part === 'object' && Object.keys(part).length === 0 ? undefined : part,
    ) ?? '{}',
  );
}
