import {request} from 'node:https';
import type {KubeConnection} from '../../../src/edges/kube/connection.ts';
import {type FamilyText, parsePrometheus} from '../../integration/support/prometheus.ts';

/** What a kubelet counts, read through the API server: the kubelet knows nobody else here. */
export async function readMetrics(
  {server, ca, credentials}: KubeConnection,
  node: string,
  path: string,
): Promise<Map<string, FamilyText>> {
  const own = credentials.kind === 'certificate' ? {cert: credentials.cert, key: credentials.key} : {};
  const {promise, resolve, reject} = Promise.withResolvers<string>();
  const asked = request(`${server}/api/v1/nodes/${node}/proxy${path}`, {ca, ...own}, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('end', () =>
      response.statusCode === 200 ? resolve(text) : reject(new Error(`${response.statusCode}: ${text}`)),
    );
  });
  asked.on('error', reject).end();
  return parsePrometheus(await promise);
}
