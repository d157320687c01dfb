import type {User} from '../../contract.ts';
import type {Definition} from '../../resources/definition.ts';

/** A request behind authentication, the same from a socket and from inside the process. */
export type ApiRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string;
  readonly contentType: string;
  readonly userAgent: string;
  /** The decoded body: JSON or YAML; undefined when there is none. */
  readonly body: unknown;
  readonly user: User;
};

/** What a path and a method mean. */
export type Target = {
  readonly definition: Definition;
  readonly verb: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** The path below a proxying subresource. */
  readonly rest: string;
};

export type Answer = {
  readonly code: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string | string[]>>;
};

/** Takes encoded watch events; `end` closes the stream. */
export type WatchSink = {
  send(bytes: Buffer): void;
  end(): void;
};

/** A stream of events: started once there is somewhere to send to; returns how to stop it. */
export type WatchAnswer = {
  readonly contentType: string;
  start(sink: WatchSink): () => void;
};

/** A request to hand on to a node's kubelet as it is. */
export type ProxyAnswer = {
  readonly proxy: {
    readonly host: string;
    readonly port: number;
    readonly path: string;
  };
};

export type AnyAnswer = Answer | WatchAnswer | ProxyAnswer;

export type WriteContext = {
  readonly user: User;
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  /** What the writer should be told beside the answer. */
  readonly warnings: string[];
};

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export function json(code: number, body: object): Answer {
  return {code, contentType: 'application/json', body: JSON.stringify(body)};
}
