type Names = Readonly<Record<string, unknown>>;

/**
 * What was typed of a daemon's flags, by the names that its configuration gives them: those of its own, those that set
 * a field of the file, as text, and the names of those that mean nothing here.
 */
export function givenFlags<T>(flags: Readonly<Record<string, T>>, fields: Names, idle: Names) {
  const camel = (name: string) => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  const all = Object.entries(flags);
  const known = all.filter(([name]) => !Object.hasOwn(fields, name) && !Object.hasOwn(idle, name));
  const typed = all.flatMap(([name, value]) =>
    Object.hasOwn(fields, name) && typeof value === 'string' ? [[name, value] as const] : [],
  );
  return {
    ...Object.fromEntries(known.map(([name, value]) => [name === 'v' ? 'verbosity' : camel(name), value])),
    fields: Object.fromEntries(typed),
    idle: all.map(([name]) => name).filter((name) => Object.hasOwn(idle, name)),
  };
}
