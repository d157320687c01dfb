/**
 * What this kubelet can do beyond what every supported one can; the API server refuses updates, and the scheduler
 * placements, that need more (KEP-5328). `ExtendWebSocketsToKubelet` is not among them: streams go to the runtime byte
 * by byte, and not every runtime speaks it.
 */
const features = [
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
];

/** None for a node that reports an older release: its API server may not know the field. */
export function declaredFeatures(version: string): readonly string[] {
  const [, minor = '0'] = version.split('.');
  return Number(minor) >= 36 ? features : [];
}
