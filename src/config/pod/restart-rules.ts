import type {Container, PodSpec} from '../../lib/kubernetes.ts';

/** Whether an exit with that code leads to a restart: the container's rules, its own policy, then the pod's. */
export function restartsAfter(container: Container, spec: PodSpec, exitCode: number): boolean {
  const action =
    container.restartPolicy === undefined ? undefined : matchingRule(container, exitCode)?.action;
  if (action === 'Restart' || action === 'RestartAllContainers') return true;
  return policyRestarts(policyOf(container, spec), exitCode);
}

/** Whether a container that was killed while it ran (a failed probe) starts again. */
export function restartsOnFailure(container: Container, spec: PodSpec): boolean {
  return policyOf(container, spec) !== 'Never';
}

function policyOf(container: Container, spec: PodSpec): string {
  return container.restartPolicy ?? spec.restartPolicy ?? 'Always';
}

function policyRestarts(policy: string, exitCode: number): boolean {
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

type Rule = NonNullable<Container['restartPolicyRules']>[number];

/** The first rule that fits an exit code: those after it do not count. */
export function matchingRule({restartPolicyRules = []}: Container, exitCode: number): Rule | undefined {
  return restartPolicyRules.find(({exitCodes}) => {
    const listed = exitCodes?.values?.includes(exitCode) ?? false;
    if (exitCodes?.operator === 'NotIn') return !listed;
    return exitCodes?.operator === 'In' && listed;
  });
}

/** One container's end may begin all of them anew, whatever their own policies say. */
export function couldRestartAll({initContainers = [], containers}: PodSpec): boolean {
  return [...initContainers, ...containers].some(({restartPolicyRules = []}) =>
    restartPolicyRules.some(({action}) => action === 'RestartAllContainers'),
  );
}
