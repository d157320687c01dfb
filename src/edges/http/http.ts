import {request} from 'undici';

/** The body of a plain GET that was answered with 2xx, or undefined for everything else: refused, late, an error. */
export async function getText(url: string, timeoutMs = 3000): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const {statusCode, body} = await request(url, {signal, reset: true});
    const text = await body.text();
    return statusCode >= 200 && statusCode < 300 ? text : undefined;
  } catch {
    return undefined;
  }
}

export type FetchOptions = {
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
};

/** The body of a GET. @throws when the answer is not 200, late, or too long */
export async function fetchText(url: string, {headers, timeoutMs, maxBytes}: FetchOptions): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs);
  const lines = Object.entries(headers).flatMap(([name, values]) => values.flatMap((value) => [name, value]));
  const {statusCode, body} = await request(url, {signal, reset: true, headers: lines});
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > maxBytes) throw new Error(`${url}: more than ${maxBytes} bytes`);
    parts.push(part);
  }
  if (statusCode !== 200) throw new Error(`${url}: ${statusCode}`);
  return Buffer.concat(parts).toString();
}
