import type {AnyCheck} from '../check.ts';
import type {NodeContext} from '../node/context.ts';
import {probeCgroup} from './cgroup.ts';
import {probeDns} from './dns.ts';
import {probeEgress} from './egress.ts';
import {probeHairpin} from './hairpin.ts';
import {probeSandbox} from './sandbox.ts';

/** What `status --probe` looks at besides: it starts a pod. */
export const probeCatalogue: readonly AnyCheck<NodeContext>[] = [
  probeSandbox,
  probeCgroup,
  probeDns,
  probeEgress,
  probeHairpin,
];
