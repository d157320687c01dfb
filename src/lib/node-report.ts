import type {Code} from './codes/catalogue.ts';

/** What a check found to be wrong: a stable code, the case's own words, the next steps. */
export type Finding = {
  readonly code: Code;
  readonly severity: 'error' | 'warning';
  /** The first line says what is wrong; more lines say how it was seen. */
  readonly message: string;
  /** Steps for this very case; the catalogue's general advice follows. */
  readonly next: readonly string[];
};

export type CheckState =
  | {readonly state: 'ok'}
  | {readonly state: 'found'; readonly findings: readonly Finding[]}
  /** What it builds on has failed: it would only repeat that. */
  | {readonly state: 'skipped'; readonly because: string; readonly code: Code}
  /** It could not look: nothing is known. */
  | {readonly state: 'unseen'; readonly why: string};

export type DaemonSummary = {
  readonly running: boolean;
  readonly upSeconds: number | undefined;
  readonly restarts: number;
};

/** One screen's worth of a node; what could not be seen is undefined. */
export type NodeSummary = {
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly address: string | undefined;
  readonly server: string | undefined;
  readonly ready: {readonly status: string; readonly reason: string; readonly since: string} | undefined;
  /** The scheduler gives it no new pods. */
  readonly cordoned: boolean;
  readonly daemons: Readonly<Record<'kubelet' | 'proxy' | 'containerd', DaemonSummary | undefined>>;
  /** Joined by another tool: the kubelet is Kubernetes' own. */
  readonly foreign: boolean;
  readonly runtime: string | undefined;
  readonly pods: {readonly running: number; readonly waiting: number; readonly ended: number} | undefined;
  readonly dataPlane: {readonly plane: string; readonly ports: number} | undefined;
  readonly certificateDays: number | undefined;
  readonly leaseSeconds: number | undefined;
  readonly memory:
    | {readonly availableBytes: number; readonly totalBytes: number; readonly evictBelow: string}
    | undefined;
  readonly disk:
    | {readonly freeBytes: number; readonly totalBytes: number; readonly evictBelow: string}
    | undefined;
};
