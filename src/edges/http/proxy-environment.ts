/** The environment's proxy for https, by the variable's name: nodectl reaches API servers without it. */
export function proxyVariable(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].find((name) => environment[name]);
}
