import {describe, expect, it} from 'vitest';
import BundleAirgap from '../../../src/commands/bundle/airgap.ts';
import Join from '../../../src/commands/join.ts';
import Reset from '../../../src/commands/reset.ts';
import Upgrade from '../../../src/commands/upgrade.ts';
import {forgetSecrets, list, variableOf} from '../../../src/ui/environment.ts';

describe('the environment', () => {
  it.each([Join, Reset, Upgrade, BundleAirgap])('has every flag of %o', (command) => {
    for (const [name, flag] of Object.entries(command.flags))
      expect(flag).toMatchObject({env: variableOf(name)});
  });
  it('has names like those of flags', () => {
    expect(variableOf('discovery-token-ca-cert-hash')).toBe('NODECTL_DISCOVERY_TOKEN_CA_CERT_HASH');
  });
  it('gives lists with commas', () => {
    expect(list('a,b')).toEqual(['a', 'b']);
    expect(list(['a'])).toEqual(['a']);
    expect(list(undefined)).toBeUndefined();
  });
  it('keeps no token for children', () => {
    const environment = {NODECTL_TOKEN: 'x', NODECTL_DISCOVERY_TOKEN: 'x', NODECTL_NODE_IP: 'a', PATH: 'p'};
    forgetSecrets(environment);
    expect(environment).toEqual({NODECTL_NODE_IP: 'a', PATH: 'p'});
  });
});
