import {expect, it} from 'vitest';
import {connectKube} from '../../../../src/edges/kube/http-client.ts';
import {LeaseRenewer} from '../../../../src/kubelet/node/lease.ts';
import {silent} from '../../../../src/lib/log.ts';
import type {Clock} from '../../../../src/lib/time.ts';
import {scriptedServer, status} from '../../edges/kube/scripted-server.ts';

/** Nothing is waited for: the round that begins at once is looked at. */
const still: Clock = {now: () => 0, monotonic: () => 0, after: () => () => undefined};

it.each([
  [409, 'Conflict'],
  [404, 'NotFound'],
])(
  'row 17: a lease that somebody else has changed (%d) is read again before it is written',
  async (code, reason) => {
    const server = await scriptedServer();
    const client = connectKube(server.connection);
    const written: string[] = [];
    let version = 1;
    server.answer((request, response) => {
      const lease = {
        metadata: {name: 'n1', resourceVersion: String(version)},
        spec: {leaseTransitions: version},
      };
      if (request.method === 'GET') return response.end(JSON.stringify(lease));
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const {metadata, spec} = JSON.parse(body);
        written.push(`${metadata.resourceVersion} ${spec.leaseTransitions}`);
        if (version > 1) return response.end(body);
        version++;
        return response.writeHead(code).end(JSON.stringify(status(code, reason, 'changed')));
      });
      return undefined;
    });
    const node = {metadata: {name: 'n1', namespace: '', uid: 'u1', resourceVersion: '1'}};
    const renewer = new LeaseRenewer({
      client,
      clock: still,
      log: silent,
      nodeName: 'n1',
      durationSeconds: 40,
      node: () => node,
    });
    renewer.start();
    await expect.poll(() => written, {timeout: 8_000}).toEqual(['1 1', '2 2']);
    await renewer.stop();
    await client.close();
    await server.close();
  },
);
