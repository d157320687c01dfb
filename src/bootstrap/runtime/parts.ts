import {foreseenVersion, type RuntimeSource} from '../../config/runtime/runtime-source.ts';
import {exists} from '../../edges/files/files.ts';
import {pathState} from '../../edges/files/host-files.ts';
import {findProgram} from '../../edges/install/packages.ts';
import {containerdVersion} from '../../edges/runtime/containerd.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Act} from '../apply/acts.ts';
import type {Facts} from '../phase.ts';
import {foundPlugins, pluginCopies, pluginDirectory, plugins} from './cni-plugins.ts';

/** What of a runtime its configuration and its unit depend on. */
export type Parts = {
  readonly program: string;
  readonly ctr: string;
  /** In the words of `containerd --version`. */
  readonly version: string;
  readonly cniBinDir: string;
  /** Plugins that must be brought there first. */
  readonly pluginCopies: readonly Act[];
  /** A unit comes with it: ours is then a drop-in. */
  readonly packaged: boolean;
  /** Where shims and runc are, when not in the system's own places. */
  readonly searchPath: string | undefined;
};

/** Where archives go: the places that their projects document, or below the directory of a second node. */
export function archivePlaces({options: {layout, ownLayout}}: Pick<Facts, 'options'>) {
  const own = `${layout.stateDir}/runtime`;
  return ownLayout
    ? {containerd: `${own}/bin`, runc: `${own}/bin`, plugins: `${own}/cni`}
    : {containerd: '/usr/local/bin', runc: '/usr/local/sbin', plugins: '/opt/cni/bin'};
}

/** What is here; called when nothing is missing. */
export async function seeParts(facts: Facts): Promise<Parts> {
  const {options} = facts;
  if (options.runtime.kind === 'archive') return archiveParts(facts, options.runtime);
  const [program, ctr] = [await findProgram('containerd'), await findProgram('ctr')];
  const found = await foundPlugins(facts);
  if (program === undefined) throw new NodectlError('ND503', 'there is no containerd after its installation');
  if (found === undefined)
    throw new NodectlError(
      'ND504',
      `none of ${options.layout.cniBinDirs.join(', ')} has ${plugins.join(', ')}`,
    );
  return {
    program,
    ctr: ctr ?? 'ctr',
    version: await containerdVersion(program),
    cniBinDir: pluginDirectory(facts, found),
    pluginCopies: await pluginCopies(facts, found),
    packaged: await isPackaged(facts, program),
    searchPath: undefined,
  };
}

/** The same before it is installed, for a plan. */
export async function foreseeParts(facts: Facts): Promise<Parts> {
  const {options, packages} = facts;
  if (options.runtime.kind === 'archive') return archiveParts(facts, options.runtime);
  const present = await findProgram('containerd');
  const byPackage = packages?.kind === 'dnf' ? '/usr/libexec/cni' : '/usr/lib/cni';
  const found = (await foundPlugins(facts)) ?? byPackage;
  return {
    program: present ?? '/usr/bin/containerd',
    ctr: (await findProgram('ctr')) ?? '/usr/bin/ctr',
    version:
      present === undefined
        ? `containerd ${(await packages?.candidate('containerd')) ?? ''}`
        : await containerdVersion(present),
    cniBinDir: pluginDirectory(facts, found),
    pluginCopies: await pluginCopies(facts, found),
    packaged:
      facts.services.kind === 'systemd' && (present === undefined || (await isPackaged(facts, present))),
    searchPath: undefined,
  };
}

async function archiveParts(
  facts: Facts,
  {archives}: Extract<RuntimeSource, {kind: 'archive'}>,
): Promise<Parts> {
  const places = archivePlaces(facts);
  const archive = archives.find(({part}) => part === 'containerd');
  const program = `${places.containerd}/containerd`;
  return {
    program,
    ctr: `${places.containerd}/ctr`,
    version:
      archive === undefined || (await exists(program))
        ? await containerdVersion(program)
        : foreseenVersion(archive),
    cniBinDir: places.plugins,
    pluginCopies: [],
    packaged: false,
    searchPath: `${places.containerd}:${places.runc}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  };
}

/** The distribution's unit starts the distribution's program; a containerd in /usr/local gets a whole unit. */
async function isPackaged({services}: Facts, program: string): Promise<boolean> {
  if (services.kind !== 'systemd' || program.startsWith('/usr/local/')) return false;
  return (await pathState('/lib/systemd/system/containerd.service')).kind === 'file';
}
