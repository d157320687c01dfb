import type {Writable} from 'node:stream';

/** A daemon of the host, whoever runs it: systemd, or nodectl's own supervised mode. */
export type ServiceUnit = {
  /** `nodectl-kubelet`; systemd adds `.service`. */
  readonly name: string;
  readonly description: string;
  /** Program (absolute path) and arguments. Never contains a secret: argv is readable by everyone. */
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Names of units that start first. */
  readonly after?: readonly string[];
  readonly restart: 'always';
  /** Tells readiness through sd_notify; elsewhere readiness is what the health port says. */
  readonly notify: boolean;
  /** `process`: what it started outlives it (containerd's shims); `group`: its process group ends with it. */
  readonly killMode: 'process' | 'group';
  readonly stopTimeoutMs: number;
  /** The asset of the systemd unit, with {{placeholders}}. */
  readonly template: string;
  /** The distribution brings the unit; under systemd the template is a drop-in of it. */
  readonly dropIn?: boolean;
};

export type ServiceStatus = {
  readonly installed: boolean;
  /** Why its manager cannot start it: it was told never to, or the description is no longer whole. */
  readonly unusable?: 'masked' | 'damaged';
  readonly enabled: boolean;
  readonly running: boolean;
  /** It does not run now, but its manager is about to start it again by itself. */
  readonly restarting: boolean;
  readonly pid?: number;
  /** NODECTL_REVISION of the running process: what it was started with. */
  readonly revision?: string;
  /** By its manager, since somebody last started it. */
  readonly restarts: number;
  /** How the last run ended: `exit 1`, `SIGKILL`. */
  readonly lastExit?: string;
};

export type UnitFile = {readonly path: string; readonly content: string; readonly mode: number};

export type ServiceManager = {
  readonly kind: 'systemd' | 'supervised';
  /** The file that describes the unit to this manager; pure. */
  file(unit: ServiceUnit): UnitFile;
  /** Writes the file and makes the manager read it. */
  install(unit: ServiceUnit): Promise<void>;
  /** Makes the manager read changed unit files. */
  reload(): Promise<void>;
  /** Now and after each boot. */
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  restart(name: string): Promise<void>;
  /** Stopped, and not started at the next boot; its unit file stays. */
  disable(name: string): Promise<void>;
  /** Stopped, disabled, and its unit file gone; an absent one is fine. */
  remove(name: string): Promise<void>;
  status(name: string): Promise<ServiceStatus>;
  /** The newest lines of its log; a manager that knows their times leaves out what is older than `sinceMs`. */
  log(name: string, lines: number, sinceMs?: number): Promise<string[]>;
  /** The same, then what is added to it, until the signal. */
  follow(name: string, lines: number, out: Writable, signal: AbortSignal, sinceMs?: number): Promise<void>;
};
