import {spawnSync} from 'node:child_process';
import {closeSync, openSync} from 'node:fs';
import {expect, it} from 'vitest';

const made = {
  'of our own': "jsonLogger('x')",
  'of a daemon': "daemonLog('x', '', 2).log",
  'in the words of klog': "daemonLog('x', 'text', 2).log",
};

/** Where systemd is not PID 1, a daemon's log is a file: the disk may be full, or whoever read it may have gone. */
it.each(Object.entries(made))('a log %s that cannot be written ends no daemon', (_, logger) => {
  const script = `
    const {jsonLogger, daemonLog} = await import('./src/edges/logs/log.ts');
    const log = ${logger};
    log.error('first');
    setTimeout(() => { log.info('later'); console.log('alive'); }, 1);`;
  const full = openSync('/dev/full', 'w');
  try {
    const words = [
      '--experimental-transform-types',
      '--no-warnings',
      '--input-type=module',
      '--eval',
      script,
    ];
    const {status, stdout} = spawnSync(process.execPath, words, {
      stdio: ['ignore', 'pipe', full],
      encoding: 'utf8',
    });
    expect([status, stdout]).toEqual([0, 'alive\n']);
  } finally {
    closeSync(full);
  }
});
