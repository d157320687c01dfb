/**
 * How often a container was started, by the names of its logs: `3.log` and its rotated parts are of the fourth run
 * (kuberuntime_container.go, calcRestartCountByLogDir).
 */
export function restartsByLogs(names: readonly string[]): number {
  const runs = names.map((name) => Number(/^(\d+)\.log(\..*)?/.exec(name)?.[1] ?? -1));
  return Math.max(-1, ...runs.filter(Number.isSafeInteger)) + 1;
}
