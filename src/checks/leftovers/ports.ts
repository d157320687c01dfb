import type {NodePorts} from '../../config/join.ts';
import {type PortOwner, portOwners} from '../../edges/network/ports.ts';
import {type AnyCheck, check, type Finding, failure} from '../check.ts';

/** One check per port, under kubeadm's name for it. */
export function port(choose: (ports: NodePorts) => number, name: string, forProxy: boolean): AnyCheck {
  return check({
    name,
    category: 'leftovers',
    after: ['IsPrivilegedUser'],
    observe: ({options}) => portOwners([choose(options.ports)]),
    judge: (owners, {ownPids, options}) =>
      forProxy && options.proxy === 'none' ? [] : judgeOwners(owners, ownPids),
  });
}

export function judgeOwners(owners: readonly PortOwner[], ownPids: readonly number[]): readonly Finding[] {
  const strangers = owners.filter(({pid}) => pid === undefined || !ownPids.includes(pid));
  const [first] = strangers;
  if (first === undefined) return [];
  const holder =
    first.pid === undefined
      ? 'a process of another namespace'
      : `process ${first.pid} (${first.command ?? ''})`;
  const next =
    first.pid === undefined
      ? [`ss -ltnp sport = :${first.port}`]
      : [`kill ${first.pid}, or stop its service.`];
  return [failure('ND601', `${holder} listens on port ${first.port}`, ...next)];
}
