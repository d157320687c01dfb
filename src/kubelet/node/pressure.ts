export type PressureKind = 'memory' | 'disk' | 'pid';

/** What a node runs short of (kubelet/eviction judges it). */
export type Pressure = Readonly<Record<PressureKind, boolean>>;

export const noPressure: Pressure = {memory: false, disk: false, pid: false};
