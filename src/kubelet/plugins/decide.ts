import type {Decision} from '../../lib/control/reconcile.ts';

/** One registration socket: what is at its path, and which socket was registered from there. */
export type SocketSeen = {
  /** Undefined: there is none. */
  readonly found: string | undefined;
  readonly registered: string | undefined;
};

export type SocketAct = {readonly do: 'deregister'} | {readonly do: 'register'; readonly identity: string};

/** A socket that was made anew is a plugin that was started anew: it is taken out of use before it comes back. */
export function decideSocket({found, registered}: SocketSeen): Decision<SocketAct> {
  if (found === registered) return {acts: []};
  return {
    acts: [
      ...(registered === undefined ? [] : [{do: 'deregister' as const}]),
      ...(found === undefined ? [] : [{do: 'register' as const, identity: found}]),
    ],
  };
}
