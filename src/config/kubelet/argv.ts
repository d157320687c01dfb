import {booleanFlags, separatorOf} from './field-flags.ts';

export type FlagRules = {
  /** Flags that may come without a value in Go. */
  readonly isBoolean: (name: string) => boolean;
  /** What stands between the values of a flag that is given again; '' where the last one counts. */
  readonly separatorOf: (name: string) => string;
};

const kubelet: FlagRules = {isBoolean: (name) => booleanFlags.includes(name), separatorOf};

/**
 * A kubelet's command line (or kube-proxy's, by its rules) as Go's pflag reads it, in the form `--name=value`, each flag
 * once: units and their drop-ins put several variables of flags together, and later ones are meant to win, or to add
 * where a flag is a list or a map. Every flag here takes a value.
 */
export function normaliseArguments(argv: readonly string[], rules: FlagRules = kubelet): string[] {
  const flags = new Map<string, string>();
  const others: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    const {name, value} = splitFlag(word);
    if (name === undefined) others.push(word);
    else if (value !== undefined) put(flags, rules, name, value);
    // Go: `--name` says true, `--name=false` says false.
    else if (rules.isBoolean(name.slice(2))) put(flags, rules, name, 'true');
    else if (name === '--help' || argv[at + 1] === undefined) others.push(word);
    else put(flags, rules, name, argv[++at] ?? '');
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

function put(flags: Map<string, string>, rules: FlagRules, name: string, value: string): void {
  const before = flags.get(name);
  const separator = rules.separatorOf(name.slice(2));
  flags.set(name, before !== undefined && separator !== '' ? `${before}${separator}${value}` : value);
}
