import type {ServerResponse} from 'node:http';
import {pipeline} from 'node:stream/promises';
import {errno} from '../../../edges/files/files.ts';
import {type NodeLog, openNodeLog} from '../../../edges/logs/node-logs.ts';
import {Refusal} from '../auth/refusal.ts';

export const nodeLogRoot = '/var/log';

/**
 * The machine's own logs, as Go's file server shows them (`kubectl get --raw /api/v1/nodes/NAME/proxy/logs/`), but
 * without redirects (CVE-2020-8559).
 * @throws Refusal 404
 */
export async function serveNodeLogs(
  path: string,
  response: ServerResponse,
  root = nodeLogRoot,
): Promise<void> {
  const segments = path
    .replace(/^\/logs\/?/, '')
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => decodeURIComponent(segment));
  const found = await find(root, segments);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (found.kind === 'directory') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(listing(found.entries));
    return;
  }
  const {file, bytes} = found;
  response.setHeader(
    'Content-Type',
    /\.(gz|xz|zst|journal|journal~)$/.test(path) ? 'application/octet-stream' : 'text/plain; charset=utf-8',
  );
  response.setHeader('Content-Length', bytes);
  try {
    if (bytes === 0) response.end();
    // What is written meanwhile is for the next one who asks: its length has been told.
    else await pipeline(file.createReadStream({start: 0, end: bytes - 1, autoClose: false}), response);
  } finally {
    await file.close();
  }
}

async function find(root: string, segments: readonly string[]): Promise<NodeLog> {
  try {
    const found = await openNodeLog(root, segments);
    if (found !== undefined) return found;
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP', 'EINVAL'].includes(errno(error) ?? '')) throw error;
  }
  throw new Refusal(404, '404 page not found');
}

export function listing(entries: readonly string[]): string {
  const links = entries.map((name) => {
    const href = name.split('/').map(encodeURIComponent).join('/');
    // `a:b` would be another scheme, not a name.
    return `<a href="${name.includes(':') ? './' : ''}${href}">${escaped(name)}</a>\n`;
  });
  return `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${links.join('')}</pre>\n`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
