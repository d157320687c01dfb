/** A flag of a daemon, in words of our own: oclif, which shows its help, is nothing that a daemon keeps in memory. */
export type DaemonFlag = {
  readonly description: string;
  readonly integer?: true;
  readonly required?: true;
  readonly options?: readonly string[];
  readonly char?: 'v';
  readonly helpGroup?: string;
  readonly hidden?: true;
};

export type DaemonFlags = Readonly<Record<string, DaemonFlag>>;

export type FlagValues = Readonly<Record<string, string | number | undefined>>;

export type Daemon = {
  readonly flags: DaemonFlags;
  /** The command line with each flag as `--name=value`. */
  normalise(words: readonly string[]): readonly string[];
  run(values: FlagValues): Promise<void>;
};

export const textFlag = (description: string): DaemonFlag => ({description});

/** Flags that take a value and have no words of their own in the help. */
export function namedFlags(
  names: readonly string[],
  flag: (name: string) => DaemonFlag,
): Record<string, DaemonFlag> {
  return Object.fromEntries(names.map((name) => [name, flag(name)]));
}

export function textOf(value: string | number | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

const asksOclif = /^(-h|--help|--version(=.*)?)$/;

/** What a command line says where all of it is plain; undefined where oclif has to help, or to say what is wrong with it. */
export function plainValues(words: readonly string[], {flags, normalise}: Daemon): FlagValues | undefined {
  if (words.some((word) => asksOclif.test(word))) return undefined;
  const values: Record<string, string | number> = {};
  for (const word of normalise(words)) {
    const [, name = '', text = ''] = /^--([a-z][a-z0-9-]*)=(.+)$/s.exec(word) ?? [];
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    const value = flag === undefined ? undefined : flagValue(text, flag);
    if (value === undefined) return undefined;
    values[name] = value;
  }
  const isWhole = Object.entries(flags).every(([name, {required}]) => !required || name in values);
  return isWhole ? values : undefined;
}

/** Undefined for a value that the flag does not take. */
export function flagValue(text: string, {integer, options}: DaemonFlag): string | number | undefined {
  if (options !== undefined && !options.includes(text)) return undefined;
  if (integer === undefined) return text;
  return /^-?\d+$/.test(text) ? Number.parseInt(text, 10) : undefined;
}
