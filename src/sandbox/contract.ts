/** What the rooms of the sandbox share: any object, and who asks for it. */
import type {Metadata} from '../lib/kubernetes.ts';

/** Any stored object with its fields open: the API server treats kinds alike. */
export type Obj = {apiVersion: string; kind: string; metadata: Metadata; [field: string]: unknown};

/** Who asks, as an authenticator found it (authentication.k8s.io UserInfo). */
export type User = {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
};
