import {formatCpuSet, parseCpuSet} from '../../../lib/cpu-set.ts';
import {parseQuantity} from '../../../lib/quantity.ts';
import type {KubeletConfiguration} from '../defaults.ts';
import {isEnabled} from '../feature-gates.ts';

/** What the static CPU manager can be told (cpumanager/policy_options.go). */
export type CpuOptions = {
  /** Only whole cores are given away, so that nobody else runs on their other threads. */
  readonly fullPcpusOnly: boolean;
  readonly distributeAcrossNuma: boolean;
  readonly distributeAcrossCores: boolean;
  readonly alignBySocket: boolean;
  /** The shared pool does not run on the reserved processors either. */
  readonly strictReservation: boolean;
  readonly alignByUncoreCache: boolean;
};

export type TopologyOptions = {
  readonly preferClosestNodes: boolean;
  readonly maxNodes: number;
};

const cpuOptionNames = {
  'full-pcpus-only': 'fullPcpusOnly',
  'distribute-cpus-across-numa': 'distributeAcrossNuma',
  'distribute-cpus-across-cores': 'distributeAcrossCores',
  'align-by-socket': 'alignBySocket',
  'strict-cpu-reservation': 'strictReservation',
  'prefer-align-cpus-by-uncorecache': 'alignByUncoreCache',
} as const;

/** Options that exist behind a gate. */
const gated: Readonly<Record<string, string>> = {
  'distribute-cpus-across-numa': 'CPUManagerPolicyBetaOptions',
  'distribute-cpus-across-cores': 'CPUManagerPolicyAlphaOptions',
  'align-by-socket': 'CPUManagerPolicyAlphaOptions',
};

const exclusive = [
  ['full-pcpus-only', 'distribute-cpus-across-cores'],
  ['distribute-cpus-across-numa', 'distribute-cpus-across-cores'],
  ['prefer-align-cpus-by-uncorecache', 'distribute-cpus-across-cores'],
  ['prefer-align-cpus-by-uncorecache', 'distribute-cpus-across-numa'],
] as const;

/** As Go's strconv.ParseBool. */
function parseBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}

export function cpuOptions({cpuManagerPolicyOptions: given}: KubeletConfiguration): CpuOptions {
  const is = (name: keyof typeof cpuOptionNames): boolean => parseBoolean(given[name] ?? '') === true;
  return {
    fullPcpusOnly: is('full-pcpus-only'),
    distributeAcrossNuma: is('distribute-cpus-across-numa'),
    distributeAcrossCores: is('distribute-cpus-across-cores'),
    alignBySocket: is('align-by-socket'),
    strictReservation: is('strict-cpu-reservation'),
    alignByUncoreCache: is('prefer-align-cpus-by-uncorecache'),
  };
}

const defaultMaxNodes = 8;

export function topologyOptions({
  topologyManagerPolicyOptions: given,
}: KubeletConfiguration): TopologyOptions {
  const most = Number(given['max-allowable-numa-nodes'] ?? defaultMaxNodes);
  return {
    preferClosestNodes: parseBoolean(given['prefer-closest-numa-nodes'] ?? '') === true,
    maxNodes: most,
  };
}

/** Named processors, or as many as are reserved for the system and for Kubernetes (server.go: the names win). */
export function withReservedCpus(c: KubeletConfiguration): KubeletConfiguration {
  const cpus = parseCpuSet(c.reservedSystemCPUs);
  if (cpus === undefined || cpus.size === 0) return c;
  const {cpu: _, ...kubeReserved} = c.kubeReserved;
  return {
    ...c,
    reservedSystemCPUs: formatCpuSet(cpus),
    kubeReserved,
    systemReserved: {...c.systemReserved, cpu: String(cpus.size)},
  };
}

/** Rules of the cpu, memory and topology managers; each broken one is one line that names the field. */
export function managerProblems(c: KubeletConfiguration): string[] {
  return [...cpuProblems(c), ...topologyProblems(c), ...memoryProblems(c), ...reservedProblems(c)];
}

function cpuProblems(c: KubeletConfiguration): string[] {
  const field = 'cpuManagerPolicyOptions';
  const given = c.cpuManagerPolicyOptions;
  if (c.cpuManagerPolicy === 'none')
    return Object.keys(given).length === 0 ? [] : [`${field}: the none policy takes no options`];
  const hasNames = c.reservedSystemCPUs !== '';
  const reserved = parseQuantity(c.systemReserved.cpu ?? '0') ?? 0n;
  const both = reserved + (parseQuantity(c.kubeReserved.cpu ?? '0') ?? 0n);
  return [
    ...Object.entries(given).flatMap(([name, value]) => cpuOptionProblems(c, name, value)),
    ...exclusive
      .filter((pair) => pair.every((name) => parseBoolean(given[name] ?? '') === true))
      .map(([a, b]) => `${field}: ${a} and ${b} can not be used at the same time`),
    ...(hasNames || both > 0n
      ? []
      : ['cpuManagerPolicy: static needs systemReserved.cpu + kubeReserved.cpu to be greater than zero']),
    ...(parseBoolean(given['align-by-socket'] ?? '') === true &&
    c.topologyManagerPolicy === 'single-numa-node'
      ? [`${field}.align-by-socket: is incompatible with topologyManagerPolicy single-numa-node`]
      : []),
  ];
}

function cpuOptionProblems(c: KubeletConfiguration, name: string, value: string): string[] {
  const field = `cpuManagerPolicyOptions.${name}`;
  if (!Object.hasOwn(cpuOptionNames, name)) return [`${field}: is not known`];
  const gate = gated[name];
  if (gate !== undefined && !isEnabled(c.featureGates, gate))
    return [`${field}: needs the feature gate ${gate}`];
  return parseBoolean(value) === undefined ? [`${field}: ${value} is neither true nor false`] : [];
}

function topologyProblems({topologyManagerPolicyOptions: given, ...c}: KubeletConfiguration): string[] {
  if (c.topologyManagerPolicy === 'none') return [];
  return Object.entries(given).flatMap(([name, value]) => {
    const field = `topologyManagerPolicyOptions.${name}`;
    switch (name) {
      case 'prefer-closest-numa-nodes':
        return parseBoolean(value) === undefined ? [`${field}: ${value} is neither true nor false`] : [];
      case 'max-allowable-numa-nodes':
        return /^\d+$/.test(value) && Number(value) >= defaultMaxNodes
          ? []
          : [`${field}: must be a number of ${defaultMaxNodes} or more`];
      default:
        return [`${field}: is not known`];
    }
  });
}

function memoryProblems(c: KubeletConfiguration): string[] {
  const seen = new Set<string>();
  const problems = c.reservedMemory.flatMap(({numaNode, limits}) =>
    Object.entries(limits).flatMap(([name, amount]) => {
      const field = `reservedMemory (NUMA node ${numaNode}, ${name})`;
      const key = `${numaNode}/${name}`;
      const again = seen.has(key);
      seen.add(key);
      if (name !== 'memory' && !name.startsWith('hugepages-'))
        return [`${field}: only memory and hugepages-<size> are accepted`];
      if ((parseQuantity(amount) ?? 0n) <= 0n) return [`${field}: may not be zero`];
      return again ? [`${field}: is given twice`] : [];
    }),
  );
  const needed = c.memoryManagerPolicy === 'Static' && !c.reservedMemory.some(({limits}) => limits.memory);
  return [...problems, ...(needed ? ['reservedMemory: needed by memoryManagerPolicy Static'] : [])];
}

function reservedProblems(c: KubeletConfiguration): string[] {
  if (c.reservedSystemCPUs === '') return [];
  const cgroups = c.systemReservedCgroup !== '' || c.kubeReservedCgroup !== '';
  return [
    ...(parseCpuSet(c.reservedSystemCPUs) === undefined
      ? [`reservedSystemCPUs: ${c.reservedSystemCPUs} is no list of processors such as 0-1,4`]
      : []),
    ...(cgroups
      ? ['reservedSystemCPUs: cannot be given together with systemReservedCgroup or kubeReservedCgroup']
      : []),
  ];
}
