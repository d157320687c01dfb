import type {Protocol} from './services.ts';

/** One address and port that a service port may send to. */
export type Endpoint = {
  /** Canonical `ip:port`; tells endpoints apart. */
  readonly id: string;
  readonly ip: string;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** On this node. */
  readonly local: boolean;
  /** Empty when the endpoint has no such hint. */
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
};

export type Refused = {readonly slice: string; readonly address: string; readonly why: string};

export function portKey(protocol: Protocol, name: string): string {
  return `${protocol}/${name}`;
}
