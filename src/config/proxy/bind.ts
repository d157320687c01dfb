/** Where a server listens. */
export type Endpoint = {readonly host: string; readonly port: number};

/** `ip`, `ip:port`, `[ip]:port`; what is missing comes from `fallback` (proxyutil.AppendPortIfNeeded). */
export function readEndpoint(text: string, fallback: Endpoint): Endpoint {
  if (text === '') return fallback;
  const bracketed = /^\[(.*)\](?::(\d+))?$/.exec(text);
  const plain = /^([^:]*):(\d+)$/.exec(text);
  const [, host = text, port] = bracketed ?? plain ?? [];
  return {host, port: port === undefined ? fallback.port : Number(port)};
}
