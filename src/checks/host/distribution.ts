import {findProgram, packageManager} from '../../edges/install/packages.ts';
import {cniPluginDirectory} from '../../edges/machine/machine.ts';
import {check, failure} from '../check.ts';

/** Without a package manager everything must be there already, but what release archives bring. */
export const distribution = check({
  name: 'Distribution',
  category: 'host',
  async observe({options}) {
    const archives = options.runtime.kind === 'archive';
    const programs = [...(archives ? [] : ['containerd', 'runc']), 'nft', 'conntrack', 'ip'];
    const found = await Promise.all(programs.map(findProgram));
    const cni = await cniPluginDirectory(options.layout.cniBinDirs, ['loopback']);
    const missing = programs.filter((_, at) => found[at] === undefined);
    return {
      manager: (await packageManager())?.kind,
      missing: cni === undefined && !archives ? [...missing, 'CNI plugins'] : missing,
    };
  },
  judge: ({manager, missing}, {machine}) =>
    manager !== undefined || missing.length === 0
      ? []
      : [
          failure(
            'ND102',
            `${machine.distribution.name} has neither apt nor dnf, and lacks ${missing.join(', ')}`,
          ),
        ],
});
