/** Where root's programs lie, most wanted first. */
export const systemPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * Programs answer in English, whatever the user's language, and those of the system are found also by who came by
 * `su`, cron or cloud-init and has no /usr/sbin in PATH.
 */
export function understood(path = ''): Readonly<Record<string, string>> {
  const given = path.split(':').filter((directory) => directory !== '');
  const missing = systemPath.filter((directory) => !given.includes(directory));
  return {LC_ALL: 'C', PATH: [...given, ...missing].join(':')};
}

/** What a program finds beside this process's own environment. */
export function childEnvironment(env: Readonly<Record<string, string>> | undefined) {
  return {...understood(process.env.PATH), ...env};
}
