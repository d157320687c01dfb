import {normaliseArguments} from '../../config/kubelet/argv.ts';
import {type Daemon, textOf} from './flags.ts';

export const daemon: Daemon = {
  flags: {dir: {required: true, description: 'where units, records and the control socket are'}},
  normalise: (words) => normaliseArguments(words, {isBoolean: () => false, separatorOf: () => ''}),
  async run({dir}) {
    const {jsonLogger} = await import('../../edges/logs/log.ts');
    const {keepHeapSmall} = await import('../../edges/machine/heap.ts');
    const {endingSignal} = await import('../../edges/process/process-life.ts');
    const {supervise} = await import('../../edges/supervisor/daemon.ts');
    keepHeapSmall();
    await supervise(textOf(dir) ?? '', jsonLogger('supervisor'), endingSignal());
  },
};
