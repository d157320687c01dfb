import type {Code} from './catalogue.ts';

/** What of a sandbox could not be made: containerd names the image that it starts from, the network, or runc's words. */
export function sandboxFault(message: string): 'image' | 'runtime' | 'network' | 'other' {
  if (/failed to (get|pull) sandbox image|sandbox image .* not found/.test(message)) return 'image';
  if (/\bnetwork\b|\bcni\b|plugin type=/i.test(message)) return 'network';
  // A handler that is not configured is the pod's own wish (RuntimeClass), and one port the pod's own.
  return /executable file not found|exec format error|fork\/exec .*runc/.test(message) ? 'runtime' : 'other';
}

const sandboxCodes = {image: 'ND511', runtime: 'ND502', network: 'ND757', other: 'ND751'} as const;

/** The kubelet's reasons of warning events; where one has several causes, its message tells which. */
const byReason: Readonly<Record<string, Code | ((message: string) => Code | undefined)>> = {
  FailedMount: 'ND756',
  FailedAttachVolume: 'ND756',
  FailedMapVolume: 'ND756',
  FailedCreatePodSandBox: (message) => sandboxCodes[sandboxFault(message)],
  Failed: (message) => (/image|pull/i.test(message) ? 'ND511' : 'ND751'),
  ErrImageNeverPull: 'ND511',
  InspectFailed: 'ND511',
  BackOff: (message) => (/pulling image/.test(message) ? 'ND511' : 'ND752'),
  Unhealthy: 'ND755',
  FailedKillPod: 'ND753',
  Evicted: 'ND744',
  SystemOOM: 'ND110',
  OOMKilling: 'ND754',
  ImageGCFailed: 'ND107',
  FreeDiskSpaceFailed: 'ND107',
  UnexpectedAdmissionError: 'ND758',
};

/** The code by which `nodectl explain` tells more of a warning event. */
export function codeOfEvent(reason: string, message: string): Code | undefined {
  const known = byReason[reason];
  if (/^OutOf(cpu|memory|pods|ephemeral-storage)/.test(reason)) return 'ND758';
  return typeof known === 'function' ? known(message) : known;
}

const problems: readonly (readonly [RegExp, Code])[] = [
  [/cni config uninitialized|no networks found|NetworkPluginNotReady.*not initialized/i, 'ND705'],
  [/network not ready/i, 'ND509'],
  [/runtime not ready/, 'ND508'],
  [/runtime is down|status check failed/, 'ND501'],
  [/PLEG is not healthy/, 'ND736'],
];

/** The kubelet's reason for a node that is not Ready, with the code that leads on. */
export function withCode(problem: string): string {
  const code = problems.find(([like]) => like.test(problem))?.[1];
  return code === undefined ? problem : `${problem} (nodectl explain ${code})`;
}
