import {describe, expect, it} from 'vitest';
import Join from '../../../src/commands/join.ts';
import {forgetSecrets, list, variableOf} from '../../../src/ui/environment.ts';

describe('the environment', () => {
  it('has every flag of join', () => {
    for (const [name, flag] of Object.entries(Join.flags))
      expect(flag).toMatchObject({env: variableOf(name)});
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
