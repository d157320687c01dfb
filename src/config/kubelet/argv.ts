/** Flags that may come without a value in Go: `--name` says true, `--name=false` says false. */
const booleans: ReadonlySet<string> = new Set(['--fail-swap-on', '--fail-cgroupv1', '--seccomp-default']);
/** Flags whose values add up; of every other flag the last one counts. */
const additive: ReadonlySet<string> = new Set(['--node-labels', '--feature-gates']);

/**
 * A kubelet's command line as Go's pflag reads it, in the form `--name=value`, each flag once: units and their
 * drop-ins put several variables of flags together, and later ones are meant to win. Every flag here takes a value.
 */
export function normaliseArguments(argv: readonly string[]): string[] {
  const flags = new Map<string, string>();
  const others: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    const {name, value} = splitFlag(word);
    if (name === undefined) others.push(word);
    else if (value !== undefined) put(flags, name, value);
    else if (booleans.has(name)) put(flags, name, 'true');
    else if (name === '--help' || argv[at + 1] === undefined) others.push(word);
    else put(flags, name, argv[++at] ?? '');
  }
  return [...[...flags].map(([name, value]) => `${name}=${value}`), ...others];
}

function splitFlag(word: string): {name?: string; value?: string} {
  const short = /^-v=?(.+)?$/.exec(word);
  if (short !== null) return {name: '--v', ...(short[1] === undefined ? {} : {value: short[1]})};
  if (!/^--[a-z]/.test(word)) return {};
  const at = word.indexOf('=');
  return at < 0 ? {name: word} : {name: word.slice(0, at), value: word.slice(at + 1)};
}

function put(flags: Map<string, string>, name: string, value: string): void {
  const before = flags.get(name);
  flags.set(name, before !== undefined && additive.has(name) ? `${before},${value}` : value);
}
