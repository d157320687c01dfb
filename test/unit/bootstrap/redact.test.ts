import {describe, expect, it} from 'vitest';
import {redactText, redactValue} from '../../../src/lib/text/redact.ts';

const canary = 'CanaryOfASecret0123';

describe('no text tells', () => {
  it.each([
    ['a bootstrap token', 'join --token abcdef.canary0123456789 now', 'join --token'],
    ['a bearer', `authorization: Bearer ${canary}`, ''],
    ['a password in an address', `proxy http://user:${canary}@proxy.invalid:3128`, '@proxy.invalid:3128'],
    ['a flag', `kubelet --api-key=${canary} --v=2`, '--v=2'],
    ['a variable', `DB_PASSWORD=${canary} NAME=web`, 'NAME=web'],
    ['a registry’s credentials', `auth = "${canary}" endpoint = "https://x"`, 'https://x'],
    ['a kubeconfig’s key', `client-key-data: ${canary}== server: x`, 'server: x'],
    ['a field of a line of JSON', `{"msg":"fine","clientSecret":"${canary}"}`, 'fine'],
    ['an environment in a line of JSON', `{"env":[{"name":"X","value":"${canary}"}],"msg":"fine"}`, '"X"'],
    [
      'an environment in Go’s form',
      `Envs:[]*KeyValue{&KeyValue{Key:DB,Value:${canary},with,commas,},&KeyValue{Key:B,Value:${canary},},},Image:web`,
      'Image:web',
    ],
    [
      'credentials in Go’s form',
      `&AuthConfig{Username:me,Password:${canary},Auth:${canary},RegistryToken:${canary},} ref=web`,
      'ref=web',
    ],
    [
      'a private key, over several lines',
      `one\n-----BEGIN EC PRIVATE KEY-----\n${canary}\n-----END EC PRIVATE KEY-----\ntwo`,
      'two',
    ],
    ['a private key that is cut off', `one\n-----BEGIN PRIVATE KEY-----\n${canary}`, 'one'],
  ])('%s', (_, text, kept) => {
    const shown = redactText(text);
    expect(shown).not.toMatch(/canary/i);
    expect(shown).toContain(kept);
    expect(shown).toContain('[redacted]');
  });
});

describe('no value tells', () => {
  it.each([
    ['an environment as a list of names and values', {env: [{name: 'X', value: canary}]}],
    ['an environment as a list of words', {envs: [`X=${canary}`]}],
    ['an environment as an object', {environment: {X: canary}}],
    ['a Secret’s data', {kind: 'Secret', data: {x: canary}, stringData: {y: canary}}],
    ['a field by its name, however deep', {a: [{b: {apiKey: canary}}]}],
    ['a text in a list', {args: ['--token', `--password=${canary}`]}],
  ])('%s', (_, value) => {
    expect(JSON.stringify(redactValue(value))).not.toContain(canary);
  });
});

it('leaves the rest as it is', () => {
  const text = 'kubelet v1.36.0 at 192.168.77.10:10250, image registry.k8s.io/pause:3.10, node web-1';
  expect(redactText(text)).toBe(text);
  const value = {cpus: 2, ready: true, none: null, names: ['a', 'b'], node: {name: 'web-1'}};
  expect(redactValue(value)).toEqual(value);
});
