import {describe, expect, it} from 'vitest';
import {envFileValue} from '../../../src/kubelet/pod/config/environment/env-file.ts';
import {buildEnvironment, environmentFiles} from '../../../src/kubelet/pod/config/environment/environment.ts';
import {container, pod} from '../kubelet/pod-config/pods.ts';

/** The cases of pkg/kubelet/util/env, by meaning. */
describe('an environment file', () => {
  it.each([
    ["KEY='value'", 'value'],
    ["A='1'\nKEY='value'\nB='2'", 'value'],
    ["  \tKEY='value'", 'value'],
    ["# comment\n\n \t\nKEY='value'", 'value'],
    ["KEY='value' # a comment", 'value'],
    ["KEY='a # b'", 'a # b'],
    ["KEY='line 1\nline 2'\nB='x'", 'line 1\nline 2'],
    ["B='x\nKEY=y'\nKEY='z'", 'z'],
    ["KEY='a\\nb$C\"d'", 'a\\nb$C"d'],
    ["KEY='one'\nKEY='two'", 'one'],
    ["KEY='value'\r\n", 'value'],
    ["KEY= 'value'", undefined],
    ["KEY=''", undefined],
    ["OTHER='x'", undefined],
    ['', undefined],
    ["KEY='value'\nthis is not read", 'value'],
  ])('%j gives %j', (text, value) => {
    expect(envFileValue(text, 'KEY')).toBe(value);
  });

  it.each([
    ['KEY', "line 1: missing '='"],
    ["='x'", 'line 1: empty variable name'],
    ["\nKEY ='x'", "line 2: whitespace before '=' is not allowed"],
    ['KEY=value', 'line 1: value must be enclosed in single quotes'],
    ['KEY=', 'line 1: value must be enclosed in single quotes'],
    ['KEY="value"', 'line 1: value must be enclosed in single quotes'],
    ["KEY='value'x", 'line 1: unexpected content after closing quote'],
    ["A='x'\nKEY='value\n", 'starting at line 2: unclosed single quote'],
  ])('%j is refused', (text, why) => {
    expect(() => envFileValue(text, 'KEY')).toThrow(
      `invalid environment variable format ${why.startsWith('s') ? '' : 'at '}${why}`,
    );
  });
});

describe('a variable from a file', () => {
  const reference = {volumeName: 'v', path: 'a/env', key: 'KEY'};
  const environment = (file: string | Error | undefined, optional?: boolean) => {
    const of = container({env: [{name: 'X', valueFrom: {fileKeyRef: {...reference, optional}}}]});
    const [wanted] = environmentFiles(of);
    return buildEnvironment({
      pod: pod({enableServiceLinks: false}),
      container: of,
      services: [],
      configMaps: new Map(),
      secrets: new Map(),
      files: new Map([[wanted?.key ?? '', file]]),
      facts: {podIps: [], hostIps: [], nodeAllocatable: {}},
    });
  };

  it('has the value of its key', () => {
    expect(environment("KEY='v'")).toEqual({ok: true, variables: [{name: 'X', value: 'v'}]});
  });

  it('is left out where it is optional and the key is not there', () => {
    expect(environment("B='v'", true)).toEqual({ok: true, variables: []});
  });

  it.each([
    ["B='v'", 'environment variable key "KEY" not found in file "a/env"'],
    ['secret of the container', "couldn't parse env file"],
    [new Error('ENOENT: /var/lib/kubelet/…'), "couldn't parse env file"],
    [undefined, 'cannot find the volume "v" referenced by FileKeyRef'],
  ])('of %j is refused without a word of what is in the file', (file, message) => {
    expect(environment(file)).toEqual({ok: false, message});
  });
});
