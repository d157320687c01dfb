import {booleanFlags, separatorOf} from './field-flags.ts';

/**
 * A kubelet's command line as Go's pflag reads it, in the form `--name=value`, each flag once: units and their
 * drop-ins put several variables of flags together, and later ones are meant to win, or to add where a flag is a list
 * or a map. Every flag here takes a value.
 */
export function normaliseArguments(argv: readonly string[]): string[] {
  const flags = new Map<string, string>();
  const others: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    const {name, value} = splitFlag(word);
    if (name === undefined) others.push(word);
    else if (value !== undefined) put(flags, name, value);
    // Go: `--name` says true, `--name=false` says false.
    else if (booleanFlags.includes(name.slice(2))) put(flags, name, 'true');
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
  // The kubelet takes `_` for `-` in the names of its flags (WordSepNormalizeFunc).
  const name = (at < 0 ? word : word.slice(0, at)).replaceAll('_', '-');
  return at < 0 ? {name} : {name, value: word.slice(at + 1)};
}

function put(flags: Map<string, string>, name: string, value: string): void {
  const before = flags.get(name);
  const separator = separatorOf(name.slice(2));
  flags.set(name, before !== undefined && separator !== '' ? `${before}${separator}${value}` : value);
}
