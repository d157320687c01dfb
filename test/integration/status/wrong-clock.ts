import {start} from '../../../src/edges/process/exec.ts';
import type {Machine} from '../support/machine.ts';
import {until} from '../support/wait.ts';

type Options = {readonly cert: string; readonly key: string; readonly port: number; readonly aheadMs: number};

/** Run by node in the machine's network: an API server whose clock is wrong, and that knows nobody. */
const program = `
const {cert, key, port, aheadMs} = JSON.parse(process.argv[1]);
require('node:https').createServer({cert, key}, (request, response) => {
  response.sendDate = false;
  response.setHeader('date', new Date(Date.now() + aheadMs).toUTCString());
  response.statusCode = request.url.startsWith('/readyz') ? 200 : 401;
  response.end('{"kind":"Status","code":401,"message":"Unauthorized"}');
}).listen(port);`;

export async function serveWrongClock(machine: Machine, options: Options): Promise<{stop(): Promise<void>}> {
  const inside = [
    '-t',
    String(machine.pid),
    '--net',
    process.execPath,
    '-e',
    program,
    JSON.stringify(options),
  ];
  const server = start('nsenter', inside);
  await until('the wrong clock serves', async () => {
    const {stdout} = await machine.run('ss', ['-ltn', `sport = :${options.port}`]);
    return stdout.includes(`:${options.port}`);
  });
  return {
    async stop() {
      server.kill('SIGKILL');
      await server.catch(() => undefined);
    },
  };
}
