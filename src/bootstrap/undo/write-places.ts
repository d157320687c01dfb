import type {Layout} from '../../config/layout.ts';

/** Directories below our trees in which a join writes files; a writer that was killed leaves its draft there. */
export function writePlaces({stateDir, kubeletDir, unitDir, cniConfDir}: Layout): readonly string[] {
  const own = ['', '/bin', '/cluster', '/proxy', '/runtime', '/runtime/images', '/runtime/unpacked'];
  const supervisor = ['units', 'wanted', 'runs'].map((name) => `${stateDir}/supervisor/${name}`);
  return [
    ...own.map((name) => `${stateDir}${name}`),
    ...supervisor,
    kubeletDir,
    `${kubeletDir}/pki`,
    unitDir,
    cniConfDir,
  ];
}
