import {afterEach, describe, expect, it} from 'vitest';
import {
  isKubeProxy,
  isRouterProxy,
  type OtherProxy,
  replacesKubeProxy,
} from '../../../src/edges/nftables/other-proxy.ts';
import {silent} from '../../../src/lib/log.ts';
import {Rivals} from '../../../src/proxy/rivals.ts';

const other: OtherProxy = {pid: 7, name: 'kube-proxy'};
const rivals: Rivals[] = [];

afterEach(() => {
  for (const one of rivals.splice(0)) one.stop();
});

/** What each look in turn finds; answers with who serves after each. */
async function seen(finds: readonly (OtherProxy | undefined | Error)[]): Promise<string> {
  let due: (() => void) | undefined;
  let at = 0;
  const one = new Rivals({
    async look() {
      const found = finds[at++];
      if (found instanceof Error) throw found;
      return found;
    },
    clock: {
      now: () => 0,
      monotonic: () => 0,
      after(_ms, fn) {
        due = fn;
        return () => undefined;
      },
    },
    periodMs: 1,
    log: silent,
  });
  rivals.push(one);
  let said = '';
  for (const _ of finds) {
    const before = one.changed;
    due?.();
    await new Promise((resolve) => setImmediate(resolve));
    said += one.current === undefined ? '-' : 'o';
    expect(before.aborted).toBe(said.length > 1 ? said.at(-1) !== said.at(-2) : said === 'o');
    expect(one.changed.aborted).toBe(false);
  }
  return said;
}

describe('another service proxy', () => {
  it.each<[string, (OtherProxy | undefined | Error)[], string]>([
    ['none', [undefined, undefined, undefined], '---'],
    ['one that stays', [other, other, other], '-oo'],
    ['one that is seen once', [other, undefined, other, undefined], '----'],
    ['one that is started anew', [other, other, undefined, {...other, pid: 8}, undefined], '-oooo'],
    ['one that goes', [other, other, undefined, undefined, undefined], '-oo--'],
    ['one that cannot be looked for', [other, other, new Error('no'), new Error('no'), undefined], '-oooo'],
  ])('%s', async (_name, finds, expected) => {
    expect(await seen(finds)).toBe(expected);
  });

  it.each([
    [['/usr/local/bin/kube-proxy', '--config=/var/lib/kube-proxy/config.conf'], true],
    [['kube-proxy'], true],
    [['kube-proxy', '--cleanup'], false],
    [['kube-proxy', '--init-only=true'], false],
    [['kube-proxy', '--version'], false],
    [['/usr/local/bin/nodectl', 'proxy', '--config', 'x'], false],
    [['/bin/sh', '-c', 'kube-proxy'], false],
    [[], false],
  ])('%j is kube-proxy: %s', (command, expected) => {
    expect(isKubeProxy(command)).toBe(expected);
  });

  it.each([
    [['kube-router', '--run-router=true', '--run-firewall=true', '--run-service-proxy=true'], true],
    [['/usr/local/bin/kube-router'], true],
    [['kube-router', '--run-service-proxy=false'], false],
    [['kube-router', '--run-service-proxy=F'], false],
    [['kube-router', '--cleanup-config'], false],
  ])('%j serves Services: %s', (command, expected) => {
    expect(isRouterProxy(command)).toBe(expected);
  });

  it.each([
    ['true', true],
    ['strict', true],
    ['partial', false],
    ['disabled', false],
    ['false', false],
    [undefined, false],
  ])('Cilium with kube-proxy-replacement %s: %s', (setting, expected) => {
    expect(replacesKubeProxy(setting)).toBe(expected);
  });
});
