/** What a kernel has to be set to below a kubelet (component-helpers, node/util/sysctl): `protectKernelDefaults` asks for it. */
export const kernelDefaults: readonly {readonly key: string; readonly value: number}[] = [
  {key: 'vm.overcommit_memory', value: 1},
  {key: 'vm.panic_on_oom', value: 0},
  {key: 'kernel.panic', value: 10},
  {key: 'kernel.panic_on_oops', value: 1},
  {key: 'kernel.keys.root_maxkeys', value: 1_000_000},
  {key: 'kernel.keys.root_maxbytes', value: 25_000_000},
];
