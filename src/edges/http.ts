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
