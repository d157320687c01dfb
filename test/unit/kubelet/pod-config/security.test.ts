import {describe, expect, it} from 'vitest';
import {
  NamespaceMode,
  SupplementalGroupsPolicy,
  SecurityProfile_ProfileType as Type,
} from '../../../../src/edges/cri/gen/api_pb.ts';
import {containerSecurity, sandboxSecurity} from '../../../../src/kubelet/pod/config/security/security.ts';
import type {Container, Pod} from '../../../../src/lib/kubernetes.ts';
import {container, pod, securityFacts} from './pods.ts';

type Context = NonNullable<Container['securityContext']>;
const build = (own: Context, podContext: Pod['spec']['securityContext'] = {}, more: object = {}) =>
  containerSecurity({
    pod: pod({securityContext: podContext}),
    container: container({securityContext: own}),
    imageUser: {uid: 0},
    facts: securityFacts,
    ...more,
  });

describe('the security of a container', () => {
  it("has Kubernetes' defaults", () => {
    const security = build({});
    expect(security).toMatchObject({
      privileged: false,
      readonlyRootfs: false,
      noNewPrivs: false,
      runAsUser: {value: 0n},
      seccomp: {profileType: Type.Unconfined},
      supplementalGroups: [],
      namespaceOptions: {network: NamespaceMode.POD, pid: NamespaceMode.CONTAINER, ipc: NamespaceMode.POD},
    });
    expect(security.maskedPaths).toContain('/proc/kcore');
    expect(security.readonlyPaths).toContain('/proc/sys');
    expect(security.apparmor).toBeUndefined();
  });

  it("prefers the container's fields to the pod's", () => {
    const podContext = {runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [5, 6]};
    expect(build({runAsUser: 7}, podContext)).toMatchObject({
      runAsUser: {value: 7n},
      runAsGroup: {value: 3000n},
      supplementalGroups: [2000n, 5n, 6n],
      supplementalGroupsPolicy: SupplementalGroupsPolicy.Merge,
    });
  });

  it("takes the image's user where nobody says anything else", () => {
    expect(build({}, {}, {imageUser: {username: 'nobody'}})).toMatchObject({runAsUsername: 'nobody'});
    expect(build({runAsUser: 0}, {}, {imageUser: {username: 'nobody'}})).not.toHaveProperty('runAsUsername');
    expect(build({}, {}, {imageUser: {uid: 65_532}})).toMatchObject({runAsUser: {value: 65_532n}});
  });

  it.each([
    [{allowPrivilegeEscalation: false}, {noNewPrivs: true}],
    [{allowPrivilegeEscalation: true}, {noNewPrivs: false}],
    [{readOnlyRootFilesystem: true}, {readonlyRootfs: true}],
    [{privileged: true}, {privileged: true}],
    [{procMount: 'Unmasked'}, {maskedPaths: [], readonlyPaths: []}],
    [
      {capabilities: {add: ['NET_ADMIN'], drop: ['ALL']}},
      {capabilities: {addCapabilities: ['NET_ADMIN'], dropCapabilities: ['ALL']}},
    ],
    [{seLinuxOptions: {level: 's0:c1'}}, {selinuxOptions: {user: '', role: '', type: '', level: 's0:c1'}}],
  ])('%j', (own, expected) => expect(build(own)).toMatchObject(expected));

  it.each([
    [{runAsNonRoot: true}, {}, {uid: 0}, 'image will run as root'],
    [{runAsNonRoot: true}, {}, {username: 'nobody'}, 'image has non-numeric user (nobody)'],
    [{runAsNonRoot: true, runAsUser: 0}, {}, {uid: 5}, 'runAsUser breaks non-root policy'],
    [{}, {runAsNonRoot: true, runAsUser: 0}, {uid: 5}, 'runAsUser breaks non-root policy'],
    [{runAsNonRoot: true}, {}, {uid: 2 ** 32}, 'invalid user id'],
    [{runAsNonRoot: true}, {}, {uid: -1000}, 'invalid user id'],
  ])('keeps runAsNonRoot: %j %j %j', (own, podContext, imageUser, message) =>
    expect(() => build(own, podContext, {imageUser})).toThrow(message),
  );

  it('lets a container lift runAsNonRoot', () =>
    expect(() => build({runAsNonRoot: false}, {runAsNonRoot: true})).not.toThrow());

  it.each([
    [{type: 'RuntimeDefault'}, {profileType: Type.RuntimeDefault}],
    [
      {type: 'Localhost', localhostProfile: 'a/b.json'},
      {profileType: Type.Localhost, localhostRef: '/var/lib/kubelet/seccomp/a/b.json'},
    ],
  ])('confines by seccomp: %j', (seccompProfile, expected) => {
    expect(build({seccompProfile}).seccomp).toEqual(expected);
    expect(build({}, {seccompProfile}).seccomp).toEqual(expected);
  });

  it.each([
    [{type: 'Localhost'}],
    [{type: 'Localhost', localhostProfile: ''}],
    [{type: 'Localhost', localhostProfile: '../x'}],
    [{type: 'Localhost', localhostProfile: '/etc/x'}],
    [{type: 'Unknown'}],
  ])('never falls back to no confinement: %j', (seccompProfile) =>
    expect(() => build({seccompProfile})).toThrow(),
  );

  it('names AppArmor profiles in both forms', () => {
    const appArmorProfile = {type: 'Localhost', localhostProfile: 'p'};
    expect(build({appArmorProfile})).toMatchObject({
      apparmor: {profileType: Type.Localhost, localhostRef: 'p'},
      apparmorProfile: 'localhost/p',
    });
  });

  it('lets an ephemeral container see the processes of its target', () =>
    expect(build({}, {}, {targetContainerId: 'abc'}).namespaceOptions).toMatchObject({
      pid: NamespaceMode.TARGET,
      targetId: 'abc',
    }));

  it('refuses user namespaces that it does not have', () => {
    const input = {container: container(), imageUser: {}, facts: securityFacts};
    expect(() => containerSecurity({...input, pod: pod({hostUsers: false})})).toThrow('user namespaces');
    const userNamespace = {mode: NamespaceMode.POD, uids: [{hostId: 65_536, containerId: 0, length: 65_536}]};
    const facts = {...securityFacts, userNamespace};
    expect(
      containerSecurity({...input, facts, pod: pod({hostUsers: false})}).namespaceOptions?.usernsOptions,
    ).toEqual(userNamespace);
  });
});

describe('the security of a sandbox', () => {
  it.each([
    [{hostNetwork: true}, {network: NamespaceMode.NODE}],
    [{hostPID: true, shareProcessNamespace: true}, {pid: NamespaceMode.NODE}],
    [{shareProcessNamespace: true}, {pid: NamespaceMode.POD}],
    [{hostIPC: true}, {ipc: NamespaceMode.NODE}],
  ])('%j', (spec, expected) =>
    expect(sandboxSecurity(pod(spec), securityFacts).namespaceOptions).toMatchObject(expected),
  );

  it('is privileged when any container is, and always confined by seccomp', () => {
    const initContainers = [container({name: 'i', securityContext: {privileged: true}})];
    const security = sandboxSecurity(pod({initContainers}), {...securityFacts, seccompDefault: false});
    expect(security).toMatchObject({privileged: true, seccomp: {profileType: Type.RuntimeDefault}});
  });
});
