/** A complaint of the kubelet about a pod, as its log has it. */
export type Trouble = {
  /** `namespace/name` */
  readonly pod: string;
  readonly reason: string;
  readonly message: string;
  readonly ageMs: number;
};

/** A kubelet that still has the trouble tells it at least this often (its back-off ends at two minutes). */
const freshMs = 180_000;

/** The warning events in the newest lines of the kubelet's log, newest first; a node may not read events. */
export function troublesOf(log: readonly string[], nowMs: number): Trouble[] {
  return log
    .flatMap((line) => readEvent(line, nowMs))
    .filter(({ageMs}) => ageMs < freshMs)
    .reverse();
}

type Line = {
  readonly msg?: string;
  readonly time?: string;
  readonly object?: string;
  readonly reason?: string;
  readonly message?: string;
};

function readEvent(line: string, nowMs: number): Trouble[] {
  if (!line.startsWith('{') || !line.includes('"msg":"event"')) return [];
  try {
    const {time = '', object = '', reason = '', message = ''}: Line = JSON.parse(line);
    const pod = /^Pod (\S+\/\S+)$/.exec(object)?.[1];
    return pod === undefined ? [] : [{pod, reason, message, ageMs: nowMs - Date.parse(time)}];
  } catch {
    return [];
  }
}

/** Why a pod waits, as far as the kubelet has said. */
export function troubleOf(pod: string, troubles: readonly Trouble[], reasons: RegExp): Trouble | undefined {
  return troubles.find((trouble) => trouble.pod === pod && reasons.test(trouble.reason));
}

export const volumeReasons = /^Failed(Mount|AttachVolume|MapVolume)/;
export const sandboxReasons = /^FailedCreatePodSandBox/;
export const probeReasons = /^(Unhealthy|ProbeWarning)/;
