import {writeFile} from 'node:fs/promises';

/** How soon the kernel kills this process when memory runs out; lowering it needs CAP_SYS_RESOURCE. */
export async function setOomScoreAdj(value: number): Promise<void> {
  await writeFile('/proc/self/oom_score_adj', `${value}\n`);
}
