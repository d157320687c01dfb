/** Every flag may come from the environment, for cloud-init: `--node-ip` from NODECTL_NODE_IP. */
export function fromEnvironment<const T extends Record<string, object>>(flags: T): T {
  for (const [name, flag] of Object.entries(flags)) Object.assign(flag, {env: variableOf(name)});
  return flags;
}

export function variableOf(flag: string): string {
  return `NODECTL_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** A flag that may be repeated is one text, with commas, when it comes from the environment. */
export function list(given: readonly string[] | string | undefined): string[] | undefined {
  return typeof given === 'string' ? given.split(',') : given === undefined ? undefined : [...given];
}

/** What a child process inherits, anybody of its user can read: secrets are taken out once they were read. */
export function forgetSecrets(environment: NodeJS.ProcessEnv = process.env): void {
  for (const name of Object.keys(environment)) if (/^NODECTL_.*TOKEN$/.test(name)) delete environment[name];
}
