/** A process that can be killed: writes a volume (`write DIR VERSION`), or makes and takes down a pod's volumes for ever. */

import {realClock} from '../../../../src/edges/clock.ts';
import {writeProjection} from '../../../../src/edges/files/pods/atomic-writer.ts';
import {keepVolumes} from '../../../../src/kubelet/volumes/pod-volumes.ts';
import {silent} from '../../../../src/lib/log.ts';
import {churningContext, churningPod, payload} from './kill-fixtures.ts';

const [what = '', directory = '', version = ''] = process.argv.slice(2);
if (what === 'write') await writeProjection(directory, payload(version));
else {
  const signal = new AbortController().signal;
  for (let round = 0; ; round++) {
    const context = churningContext(directory, String(round));
    const volumes = keepVolumes(context, realClock, silent);
    await volumes.prepare(churningPod, signal);
    const [container] = churningPod.spec.containers;
    if (container !== undefined) await volumes.mounts(churningPod, container, []);
    process.stdout.write('.');
    if (round % 2 === 1) await volumes.tearDown(churningPod.metadata.uid);
  }
}
