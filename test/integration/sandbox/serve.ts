/** A server in a process of its own, for tests that kill it: node serve.ts STATE_DIR PORT */
import {startServer} from './server.ts';

const [, , stateDir = '', port = '0'] = process.argv;
const {url} = await startServer(stateDir, {port: Number(port)});
process.stdout.write(`${url}\n`);
