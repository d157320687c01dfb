import {describe, expect, it} from 'vitest';
import {parseShow} from '../../../src/edges/systemd/systemd.ts';

const shown = (fields: Readonly<Record<string, string>>) =>
  Object.entries({
    LoadState: 'loaded',
    ActiveState: 'active',
    MainPID: '7',
    NRestarts: '0',
    UnitFileState: 'enabled',
    ExecMainStatus: '0',
    ExecMainCode: '0',
    ...fields,
  })
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
const status = (fields: Readonly<Record<string, string>>, ownFile = true) =>
  parseShow(shown(fields), async () => '3', ownFile);

describe('what systemd tells of a unit', () => {
  it('that runs', async () =>
    expect(await status({})).toEqual({
      installed: true,
      enabled: true,
      running: true,
      restarting: false,
      pid: 7,
      revision: '3',
      restarts: 0,
    }));

  it('that it starts again and again', async () =>
    expect(
      await status({
        ActiveState: 'activating',
        MainPID: '0',
        NRestarts: '4',
        ExecMainCode: '1',
        ExecMainStatus: '203',
      }),
    ).toMatchObject({running: false, restarting: true, restarts: 4, lastExit: 'exit 203'}));

  it.each([
    ['that was masked', {LoadState: 'masked'}, false, 'masked'],
    ['whose file a power cut left empty', {LoadState: 'masked'}, true, 'damaged'],
    ['that has no program', {LoadState: 'bad-setting'}, true, 'damaged'],
    ['that cannot be read', {LoadState: 'error'}, true, 'damaged'],
    ['that is not there', {LoadState: 'not-found'}, false, undefined],
  ])('%s', async (_, fields, ownFile, unusable) => {
    const seen = await status({UnitFileState: '', ...fields}, ownFile);
    expect(seen).toMatchObject({installed: false, enabled: false});
    expect(seen.unusable).toBe(unusable);
  });
});
