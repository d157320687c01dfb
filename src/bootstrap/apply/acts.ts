import type {Archive, ArchivePlace, Digested} from '../../config/runtime/runtime-source.ts';
import type {Firewall} from '../../edges/network/firewall.ts';

/** Everything that a join may do to the machine or the cluster, as data; `apply.ts` performs it. */
export type Act =
  | {readonly kind: 'directory'; readonly path: string; readonly mode: number}
  /** A directory of data that reset takes away with all that is in it. */
  | {readonly kind: 'tree'; readonly path: string; readonly mode: number}
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly content: string;
      readonly mode: number;
      /** Never shown in a plan. */
      readonly secret?: boolean;
    }
  | {readonly kind: 'remove'; readonly path: string}
  | {readonly kind: 'link'; readonly path: string; readonly to: string}
  | {readonly kind: 'copy'; readonly from: string; readonly path: string}
  | {readonly kind: 'packages'; readonly names: readonly string[]}
  | {readonly kind: 'module'; readonly name: string}
  | {readonly kind: 'sysctl'; readonly key: string; readonly value: string; readonly before: string}
  | {readonly kind: 'swap-off'; readonly device: string}
  /** `10250/tcp`, in the front end that this machine's firewall has. */
  | {readonly kind: 'open-port'; readonly firewall: Firewall; readonly port: string}
  | {readonly kind: 'reload'}
  | {readonly kind: 'start' | 'restart'; readonly name: string}
  | {readonly kind: 'import'; readonly asset: string; readonly image: string}
  /** An image archive of an airgap bundle; the record says that it has been brought. */
  | {
      readonly kind: 'import-archive';
      readonly place: ArchivePlace;
      readonly archive: Digested;
      readonly record: string;
    }
  /** Verified on its way; `unpack` then puts its programs into place. */
  | {readonly kind: 'fetch'; readonly place: ArchivePlace; readonly archive: Archive; readonly path: string}
  | {readonly kind: 'unpack'; readonly archive: Archive; readonly path: string; readonly into: string}
  /** That the runtime puts a pod into the cgroup that the kubelet will name. */
  | {
      readonly kind: 'prove';
      readonly driver: 'systemd' | 'cgroupfs';
      readonly record: string;
      readonly revision: string;
    }
  /** Things that daemons will make: noted now, so that reset knows whose they are. */
  | {
      readonly kind: 'claim';
      readonly what:
        | 'directory'
        | 'tree'
        | 'file'
        | 'sysctl'
        | 'cgroup'
        | 'interface'
        | 'table'
        | 'base-chain'
        | 'chains';
      readonly name: string;
    }
  | {readonly kind: 'new-key'; readonly path: string}
  | {readonly kind: 'request'; readonly name: string; readonly keyPath: string}
  | {readonly kind: 'certificate'; readonly keyPath: string; readonly certificate: string};

/** One line for progress and plans. */
export function describeAct(act: Act): string {
  switch (act.kind) {
    case 'directory':
    case 'tree':
      return `make directory ${act.path}`;
    case 'file':
      return `write ${act.path}`;
    case 'remove':
      return `remove ${act.path}`;
    case 'link':
      return `link ${act.path} to ${act.to}`;
    case 'copy':
      return `install ${act.path}`;
    case 'packages':
      return `install packages ${act.names.join(', ')}`;
    case 'module':
      return `load kernel module ${act.name}`;
    case 'sysctl':
      return `set ${act.key} = ${act.value} (was ${act.before})`;
    case 'swap-off':
      return `turn off swap on ${act.device}`;
    case 'open-port':
      return `open port ${act.port} in ${act.firewall}`;
    case 'reload':
      return 'read changed units';
    case 'start':
      return `start ${act.name}`;
    case 'restart':
      return `restart ${act.name}`;
    case 'import':
      return `import image ${act.image}`;
    case 'import-archive':
      return `import images of ${act.archive.name}`;
    case 'fetch':
      return `fetch ${act.archive.name} and compare its SHA-256`;
    case 'unpack':
      return `unpack ${act.archive.name} into ${act.into}`;
    case 'prove':
      return `prove that pods get their cgroups (${act.driver} driver)`;
    case 'claim':
      return `note ${act.what} ${act.name}`;
    case 'new-key':
      return 'generate a private key';
    case 'request':
      return `request a client certificate (${act.name})`;
    case 'certificate':
      return 'store the client certificate';
  }
}
