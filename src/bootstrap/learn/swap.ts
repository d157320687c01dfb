import {parse} from 'yaml';
import {withoutSwap} from '../../config/machine/fstab.ts';
import {pathState} from '../../edges/files/host-files.ts';
import {activeSwaps, swapUnits} from '../../edges/mounts/swaps.ts';
import type {Act} from '../apply/acts.ts';
import type {Facts} from '../phase.ts';
import {kubeletConfigOf} from './node-files.ts';

/** What must be done for swap to be off now and after a reboot; each act is journalled, so a reset brings it back. */
export async function swapActs(facts: Facts): Promise<Act[]> {
  if (facts.options.ownLayout || isAllowed(facts)) return [];
  const [active, fstab, units] = await Promise.all([activeSwaps(), fstabAct(), maskActs(facts)]);
  const kept = [...fstab, ...units];
  const reload: Act[] = kept.length > 0 && facts.machine.systemd ? [{kind: 'reload'}] : [];
  return [...kept, ...reload, ...active.map((device): Act => ({kind: 'swap-off', device}))];
}

/** The kubelet refuses swap unless the cluster or the user says otherwise. */
function isAllowed(facts: Facts): boolean {
  const config: {failSwapOn?: boolean} = parse(kubeletConfigOf(facts));
  return config.failSwapOn === false;
}

async function fstabAct(): Promise<Act[]> {
  const path = '/etc/fstab';
  const state = await pathState(path);
  if (state.kind !== 'file') return [];
  const text = new TextDecoder().decode(state.content);
  const content = withoutSwap(text);
  return content === text ? [] : [{kind: 'file', path, content, mode: state.mode}];
}

/** Masking is a link to /dev/null (systemctl(1)): zram generators and GPT partitions bring swap without fstab. */
async function maskActs({machine, options}: Facts): Promise<Act[]> {
  if (!machine.systemd) return [];
  return (await swapUnits()).map((unit) => ({
    kind: 'link',
    path: `${options.layout.unitDir}/${unit}`,
    to: '/dev/null',
  }));
}
