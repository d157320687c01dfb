import type {ParsedKubeletConfiguration} from './schema.ts';

/** pkg/kubelet/eviction/defaults_linux.go */
const evictionHard = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

type Filled = {
  nodeStatusUpdateFrequency: number;
  nodeStatusReportFrequency: number;
  serializeImagePulls: boolean;
  evictionHard: Record<string, string>;
};

export type KubeletConfiguration = Omit<ParsedKubeletConfiguration, keyof Filled> & Filled;

const defaultUpdateFrequencyMs = 10_000;
const defaultReportFrequencyMs = 5 * 60_000;

/** The defaults that depend on other fields. */
export function complete(parsed: ParsedKubeletConfiguration): KubeletConfiguration {
  const given = parsed.evictionHard;
  const updateMs = parsed.nodeStatusUpdateFrequency;
  return {
    ...parsed,
    nodeStatusUpdateFrequency: updateMs || defaultUpdateFrequencyMs,
    nodeStatusReportFrequency: parsed.nodeStatusReportFrequency || updateMs || defaultReportFrequencyMs,
    serializeImagePulls: parsed.serializeImagePulls ?? (parsed.maxParallelImagePulls ?? 1) < 2,
    evictionHard:
      given === undefined || parsed.mergeDefaultEvictionSettings ? {...evictionHard, ...given} : given,
  };
}
