import {once} from 'node:events';
import {text} from 'node:stream/consumers';
import {setImmediate} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {start} from '../../../src/edges/process/exec.ts';
import {onLines} from '../../../src/edges/process/lines.ts';

const sh = (script: string, options: Parameters<typeof start>[2] = {}) =>
  start('sh', ['-c', script], options);

describe('a program that is talked to', () => {
  it('reads and writes, and is told by its exit code', async () => {
    const child = sh('cat; echo why >&2; exit 3');
    child.stdin.end('grüße');
    const [out, error, ended] = await Promise.all([text(child.stdout), text(child.stderr), child]);
    expect([out, error]).toEqual(['grüße', 'why\n']);
    expect(ended).toEqual({exitCode: 3, signal: undefined});
  });

  it('ends though nobody reads what it says, nor listens to what goes wrong', async () => {
    const child = sh('exec 0<&-; yes | head -c 1000000; exit 5');
    child.stdin.write('x'.repeat(1 << 20));
    expect((await child).exitCode).toBe(5);
  });

  it('is over when all is read that it and its own children had to say', async () => {
    const child = sh('(read line; echo late) & echo first; exit 0');
    const said = text(child.stdout);
    let isOver = false;
    const over = child.then(() => {
      isOver = true;
    });
    await once(child.stdout, 'data');
    await setImmediate();
    expect(isOver).toBe(false);
    child.stdin.end('\n');
    await over;
    expect(await said).toContain('late');
  });

  it('says by which signal it ended, and why it never began', async () => {
    expect(await sh('kill -9 $$')).toEqual({exitCode: undefined, signal: 'SIGKILL'});
    expect(await start('no-such-program', [])).toEqual({originalMessage: 'spawn no-such-program ENOENT'});
    const tooLong = start('true', ['x'.repeat(1 << 22)]);
    tooLong.stdin.end('x');
    expect(await text(tooLong.stdout)).toBe('');
    expect(await tooLong).toEqual({originalMessage: 'spawn E2BIG'});
  });

  it.each([
    ['ends when it is asked to', (child: ReturnType<typeof sh>) => child.kill()],
    ['ends with a signal of its own', (child: ReturnType<typeof sh>) => child.kill('SIGHUP')],
  ])('%s', async (_, end) => {
    const child = sh('trap "exit 7" TERM HUP; echo ready; while true; do sleep 0.01; done');
    await once(child.stdout, 'data');
    end(child);
    expect((await child).exitCode).toBe(7);
  });

  it('is ended with what it was started for, before its start too, and not waited for what it leaves', async () => {
    const given = new AbortController();
    const child = sh('sleep 600 & echo $!; wait', {signal: given.signal});
    const [left] = await once(child.stdout, 'data');
    given.abort();
    expect((await child).signal).toBe('SIGTERM');
    process.kill(Number(left));
    expect((await start('sleep', ['600'], {signal: given.signal})).signal).toBe('SIGTERM');
  });
});

describe('lines of a program', () => {
  it('are whole, whatever the pieces, and the last one may lack its break', async () => {
    const child = sh('printf "one\\ntw"; sleep 0.02; printf "o\\n\\n–thr"; sleep 0.02; printf "ee–"');
    const lines: string[] = [];
    onLines(child.stdout, (line) => lines.push(line));
    await child;
    expect(lines).toEqual(['one', 'two', '', '–three–']);
  });
});
