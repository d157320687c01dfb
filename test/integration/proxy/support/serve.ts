// `nodectl proxy` from the sources, for tests: the same configuration and the same run.
import {readFileSync} from 'node:fs';
import {loadProxyConfig} from '../../../../src/config/proxy.ts';
import {jsonLogger} from '../../../../src/edges/logs/log.ts';
import {keepHeapSmall} from '../../../../src/edges/machine/heap.ts';
import {endingSignal} from '../../../../src/edges/process/process-life.ts';
import {nameProcess} from '../../../../src/edges/process/program.ts';
import {cleanupProxy, runProxy} from '../../../../src/proxy/run.ts';

const name = process.env.PROCESS_NAME;
if (name !== undefined) await nameProcess(name);
const [path = '', word] = process.argv.slice(2);
const text = readFileSync(path, 'utf8');
const {config} = loadProxyConfig({path, text}, {}, 'here');
if (word === 'cleanup') await cleanupProxy(config);
else {
  const ending = endingSignal({withinMs: 3_000});
  const rivalPeriodMs = Number(process.env.RIVAL_PERIOD_MS ?? 15_000);
  const heap = keepHeapSmall({growthPercent: 15, compilers: 'the simplest'});
  const written = {path, text};
  await runProxy(config, ending, jsonLogger('proxy', 'debug'), {heap, written, rivalPeriodMs});
}
