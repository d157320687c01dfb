// A thread: what a SERVING server of grpc.health.v1 answers; pods on the host network find it at their own address.
import {createServer} from 'node:http2';
import {workerData} from 'node:worker_threads';

const serving = Buffer.from([0, 0, 0, 0, 2, 0x08, 1]);
const server = createServer();
server.on('stream', (stream) => {
  stream.respond({':status': 200, 'content-type': 'application/grpc'}, {waitForTrailers: true});
  stream.on('wantTrailers', () => stream.sendTrailers({'grpc-status': '0'}));
  stream.on('error', () => undefined);
  stream.end(serving);
});
server.on('sessionError', () => undefined);
server.listen(Number(workerData), '0.0.0.0');
