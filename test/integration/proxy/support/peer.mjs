// Runs inside a network namespace: listens and connects as it is told, one JSON line a command.
import {createSocket} from 'node:dgram';
import {connect, createServer} from 'node:net';
import {createInterface} from 'node:readline';

/** Connections that stay. */
const held = new Map();

const commands = {
  /** Answers each message with its own address, for as long as the client likes. */
  async echo({host, port}) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write(host));
    });
    await new Promise((resolve, reject) => server.once('error', reject).listen({host, port}, resolve));
    return true;
  },

  /** Says something on the connection of this name, which is made when there is none; answers what comes back. */
  async say({name, host, port, timeoutMs}) {
    const socket = held.get(name) ?? connect({host, port});
    held.set(name, socket);
    return new Promise((resolve) => {
      const done = (answer) => {
        clearTimeout(timer);
        socket.removeAllListeners();
        socket.on('error', () => undefined);
        resolve(answer);
      };
      const timer = setTimeout(() => done('timeout'), timeoutMs);
      socket.once('data', (data) => done(String(data)));
      socket.once('error', (error) => done(error.code));
      socket.once('close', () => done('closed'));
      socket.write('hello');
    });
  },

  async listen({protocol, host, port}) {
    if (protocol === 'TCP') {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.end(`${host} ${port} ${bare(socket.remoteAddress)}`);
      });
      await new Promise((resolve, reject) => server.once('error', reject).listen({host, port}, resolve));
      return true;
    }
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (_, from) =>
      socket.send(`${host} ${port} ${bare(from.address)}`, from.port, from.address),
    );
    await new Promise((resolve, reject) => socket.once('error', reject).bind(port, host, resolve));
    return true;
  },

  /** So many first packets, one after the other; ends at the first that is not answered. */
  async flow({protocol, host, port, count, timeoutMs}) {
    const answers = [];
    for (let i = 0; i < count; i++) {
      const answer = await (protocol === 'TCP' ? tcp : udp)(host, port, timeoutMs);
      answers.push(answer);
      if (answer.failed) break;
    }
    return answers;
  },
};

function tcp(host, port, timeoutMs) {
  return new Promise((resolve) => {
    const socket = connect({host, port});
    let text = '';
    let local = '';
    socket.setTimeout(timeoutMs, () => done({failed: 'timeout'}));
    socket.on('connect', () => (local = bare(socket.localAddress)));
    socket.on('data', (data) => (text += data));
    socket.on('end', () => done({text, local}));
    socket.on('error', (error) => done({failed: error.code}));
    const done = (answer) => {
      socket.destroy();
      resolve(answer);
    };
  });
}

function udp(host, port, timeoutMs) {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const timer = setTimeout(() => done({failed: 'timeout'}), timeoutMs);
    const done = (answer) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.close();
      resolve(answer);
    };
    socket.on('error', (error) => done({failed: error.code}));
    socket.on('message', (data) => done({text: String(data), local: bare(socket.address().address)}));
    socket.connect(port, host, (error) => {
      if (error) done({failed: error.code});
      else socket.send('hello', (failed) => failed && done({failed: failed.code}));
    });
  });
}

const bare = (address) => address.replace('::ffff:', '');

process.stdout.write('"ready"\n');
for await (const line of createInterface({input: process.stdin})) {
  const {id, command, ...rest} = JSON.parse(line);
  commands[command](rest).then(
    (result) => process.stdout.write(`${JSON.stringify({id, result})}\n`),
    (error) => process.stdout.write(`${JSON.stringify({id, error: String(error)})}\n`),
  );
}
