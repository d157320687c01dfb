import {run} from '../process/run.ts';

/** The service manager's side of sd_notify(3): a datagram socket, which Node has not; `systemd-notify` sends for us. */
export type ServiceNotifier = {
  /** Start-up is over. */
  ready(): Promise<void>;
  stopping(): Promise<void>;
  /** One line for `systemctl status`. */
  status(text: string): Promise<void>;
  /** Pings the watchdog, at half its time, for as long as `isAlive`; returns what ends that. */
  startWatchdog(isAlive: () => boolean): () => void;
};

const quiet: ServiceNotifier = {
  ready: async () => undefined,
  stopping: async () => undefined,
  status: async () => undefined,
  startWatchdog: () => () => undefined,
};

/** Does nothing where no service manager listens. */
export function serviceNotifier(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  onError: (error: unknown) => void = () => undefined,
): ServiceNotifier {
  if (!environment.NOTIFY_SOCKET) return quiet;
  const send = async (argument: string): Promise<void> => {
    await run('systemd-notify', [argument], {timeoutMs: 10_000}).catch(onError);
  };
  return {
    ready: () => send('--ready'),
    // --stopping came with systemd 253 only.
    stopping: () => send('STOPPING=1'),
    status: (text) => send(`--status=${text.split('\n')[0] ?? ''}`),
    startWatchdog(isAlive) {
      const everyMs = Number(environment.WATCHDOG_USEC ?? 0) / 2_000;
      const forOther =
        environment.WATCHDOG_PID !== undefined && Number(environment.WATCHDOG_PID) !== process.pid;
      if (!(everyMs > 0) || forOther) return () => undefined;
      const timer = setInterval(() => {
        if (isAlive()) void send('WATCHDOG=1');
      }, everyMs);
      return () => clearInterval(timer);
    },
  };
}
