import type WebSocket from 'ws';
import type {Fixture} from './fixture.ts';

const protocol = 'v4.channel.k8s.io';
const admin = {token: 'admin'};

type Stream = {readonly socket: WebSocket; opened: boolean; text: string; readonly closed: Promise<void>};

function follow(socket: WebSocket): Stream {
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.once('error', () => resolve());
  });
  const stream: Stream = {socket, opened: false, text: '', closed};
  socket.once('open', () => {
    stream.opened = true;
  });
  socket.on('message', (data: Buffer) => {
    stream.text += data.subarray(1).toString();
  });
  return stream;
}

export function openExec(fixture: Fixture, script: string): Stream {
  const command = `command=sh&command=-c&command=${encodeURIComponent(script)}`;
  return follow(fixture.socket(`/exec/default/web/shell?input=1&output=1&${command}`, protocol, admin));
}

export function openForward(fixture: Fixture): Stream {
  return follow(fixture.socket('/portForward/default/web?port=8080', protocol, admin));
}
