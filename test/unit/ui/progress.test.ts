import {afterEach, expect, it, vi} from 'vitest';
import {showProgress} from '../../../src/ui/progress/progress.ts';

afterEach(() => vi.restoreAllMocks());

it('tells what a warning advises, too', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const progress = showProgress();
  const finding = {code: 'ND738', severity: 'warning', message: 'two proxies', next: ['kubectl patch …']};
  progress.onEvent({kind: 'finding', phase: 'proxy', finding});
  await progress.end();
  expect(write.mock.calls.map(([text]) => String(text)).join('')).toBe(
    '  warning ND738: two proxies\n    try: kubectl patch …\n',
  );
});
