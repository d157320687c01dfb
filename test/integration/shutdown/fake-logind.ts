import {once} from 'node:events';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {connect, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {start} from '../../../src/edges/process/exec.ts';
import {until} from '../support/wait.ts';

/** A bus of a test's own, and on it somebody who calls himself logind. */
export type FakeLogind = {
  readonly bus: string;
  readonly confDir: string;
  /** PrepareForShutdown, as logind sends it. */
  prepareForShutdown(begins: boolean): void;
  stop(): Promise<void>;
};

const manager = 'org.freedesktop.login1.Manager';
const path = '/org/freedesktop/login1';

export async function startFakeLogind(delaySeconds: number): Promise<FakeLogind> {
  const dir = await mkdtemp(join(tmpdir(), 'nodectl-bus-'));
  const socketPath = join(dir, 'bus');
  const file = join(dir, 'bus.conf');
  const allow = ['own', 'send_destination', 'receive_sender'].map((what) => `<allow ${what}="*"/>`).join('');
  await writeFile(
    file,
    `<busconfig><type>custom</type><listen>unix:path=${socketPath}</listen><auth>EXTERNAL</auth><policy context="default"><allow eavesdrop="true"/>${allow}</policy></busconfig>`,
  );
  const daemon = start('dbus-daemon', [`--config-file=${file}`, '--nofork', '--nopidfile']);
  daemon.stdout.resume();
  daemon.stderr.resume();
  const confDir = join(dir, 'logind.conf.d');
  const socket = await until('the bus', () => dial(socketPath));
  const logind = new Logind(socket, delaySeconds * 1e6, confDir);
  await logind.introduce();
  return {
    bus: `unix:path=${socketPath}`,
    confDir,
    prepareForShutdown: (begins) => logind.signal(begins),
    async stop() {
      socket.destroy();
      daemon.kill();
      await daemon;
      await rm(dir, {recursive: true});
    },
  };
}

async function dial(socketPath: string): Promise<Socket> {
  const socket = connect(socketPath);
  await once(socket, 'connect');
  return socket;
}

type Field = readonly [code: number, signature: string, value: string | number];

/** The wire format of D-Bus, as far as this test speaks it; little-endian. */
class Writer {
  #bytes: number[] = [];

  align(to: number): this {
    while (this.#bytes.length % to !== 0) this.#bytes.push(0);
    return this;
  }
  byte(value: number): this {
    this.#bytes.push(value);
    return this;
  }
  u32(value: number): this {
    this.align(4);
    for (let at = 0; at < 4; at++) this.#bytes.push((value >>> (8 * at)) & 0xff);
    return this;
  }
  u64(value: number): this {
    this.align(8);
    return this.u32(value >>> 0).u32(Math.floor(value / 2 ** 32));
  }
  string(value: string): this {
    this.u32(value.length);
    this.#bytes.push(...Buffer.from(value), 0);
    return this;
  }
  signature(value: string): this {
    this.#bytes.push(value.length, ...Buffer.from(value), 0);
    return this;
  }
  bytes(): Buffer {
    return Buffer.from(this.#bytes);
  }
}

class Logind {
  readonly #socket: Socket;
  readonly #confDir: string;
  #delayUs: number;
  #serial = 0;
  #buffer = Buffer.alloc(0);

  constructor(socket: Socket, delayUs: number, confDir: string) {
    this.#socket = socket;
    this.#delayUs = delayUs;
    this.#confDir = confDir;
  }

  async introduce(): Promise<void> {
    const uid = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
    this.#socket.write(`\0AUTH EXTERNAL ${uid}\r\n`);
    const [answer] = await once(this.#socket, 'data');
    if (!String(answer).startsWith('OK')) throw new Error(`the bus says ${answer}`);
    this.#socket.write('BEGIN\r\n');
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    const dbus = 'org.freedesktop.DBus';
    const call = (member: string, signature: string, body: Buffer) =>
      this.#send(
        1,
        [
          [1, 'o', '/org/freedesktop/DBus'],
          [2, 's', dbus],
          [3, 's', member],
          [6, 's', dbus],
          ...(signature === '' ? [] : [[8, 'g', signature] as const]),
        ],
        body,
      );
    call('Hello', '', Buffer.alloc(0));
    for (const name of ['org.freedesktop.login1', 'org.freedesktop.systemd1'])
      call('RequestName', 'su', new Writer().string(name).u32(0).bytes());
  }

  signal(begins: boolean): void {
    const fields: Field[] = [
      [1, 'o', path],
      [2, 's', manager],
      [3, 's', 'PrepareForShutdown'],
      [8, 'g', 'b'],
    ];
    this.#send(4, fields, new Writer().u32(Number(begins)).bytes());
  }

  #send(type: number, fields: readonly Field[], body: Buffer): void {
    const list = new Writer();
    // Eight bytes stand for the head, so that structs are aligned as they will be.
    for (const [code, signature, value] of fields) {
      list.align(8).byte(code).signature(signature);
      if (signature === 'g') list.signature(String(value));
      else if (signature === 'u') list.u32(Number(value));
      else list.string(String(value));
    }
    const encoded = list.bytes();
    const head = new Writer()
      .byte(0x6c)
      .byte(type)
      .byte(0)
      .byte(1)
      .u32(body.length)
      .u32(++this.#serial)
      .u32(encoded.length);
    const pad = Buffer.alloc((8 - ((16 + encoded.length) % 8)) % 8);
    this.#socket.write(Buffer.concat([head.bytes(), encoded, pad, body]));
  }

  #read(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    while (this.#buffer.length >= 16) {
      const bodyLength = this.#buffer.readUInt32LE(4);
      const fieldsLength = this.#buffer.readUInt32LE(12);
      const headLength = Math.ceil((16 + fieldsLength) / 8) * 8;
      if (this.#buffer.length < headLength + bodyLength) return;
      const message = this.#buffer.subarray(0, headLength + bodyLength);
      this.#buffer = this.#buffer.subarray(headLength + bodyLength);
      if (message[1] === 1) void this.#answer(message);
    }
  }

  async #answer(message: Buffer): Promise<void> {
    const serial = message.readUInt32LE(8);
    const text = message.toString('latin1');
    // The sender's unique name is the only text of that form.
    const sender = /:1\.\d+/.exec(text)?.[0] ?? '';
    const reply: Field[] = [
      [5, 'u', serial],
      [6, 's', sender],
    ];
    if (text.includes('InhibitDelayMaxUSec')) {
      const value = new Writer().signature('t').u64(this.#delayUs).bytes();
      this.#send(2, [...reply, [8, 'g', 'v']], value);
    } else {
      if (text.includes('KillUnit')) await this.#reload();
      this.#send(2, reply, Buffer.alloc(0));
    }
  }

  async #reload(): Promise<void> {
    const conf = await readFile(join(this.#confDir, '99-kubelet.conf'), 'utf8');
    this.#delayUs = Number(/^InhibitDelayMaxSec=(\d+)$/m.exec(conf)?.[1] ?? 0) * 1e6;
  }
}
