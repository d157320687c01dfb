import {credentialHash, type Login} from '../credentials/credentials.ts';

type Owner = {readonly uid: string; readonly namespace: string; readonly name: string};
type SecretOwner = Owner & {readonly credentialHash: string};
/** Who has shown that he may have an image (ImagePulledRecord, kubelet.config.k8s.io/v1beta1). */
export type PullCredentials = {
  /** Pulled with the node's own login, or without any: every pod may have it. */
  readonly nodePodsAccessible?: boolean;
  readonly kubernetesSecrets?: readonly SecretOwner[];
  readonly kubernetesServiceAccounts?: readonly Owner[];
};

/** Above that many secrets of one image, more are matched but not noted. */
const notedSecrets = 100;

/** What a pull with that login shows. */
export function credentialsOfPull(login: Login | undefined): PullCredentials {
  const {source, credential} = login ?? {};
  if (source === undefined || credential === undefined) return {nodePodsAccessible: true};
  const {uid, namespace, name} = source;
  const owner = {uid, namespace, name};
  return source.kind === 'serviceAccount'
    ? {kubernetesServiceAccounts: [owner]}
    : {kubernetesSecrets: [{...owner, credentialHash: credentialHash(credential)}]};
}

export type Access = {
  readonly allowed: boolean;
  /** The pod's secret is another one with the same login, or the same one with a new login: it is noted. */
  readonly learnt?: PullCredentials;
};

/** Whether a pod with these logins may have an image that is present (pullmanager, MustAttemptImagePull). */
export function judgeAccess(known: PullCredentials, logins: readonly Login[]): Access {
  if (known.nodePodsAccessible === true) return {allowed: true};
  const {kubernetesSecrets: secrets = [], kubernetesServiceAccounts: accounts = []} = known;
  const shown = logins.filter(({source}) => source !== undefined).map(credentialsOfPull);
  for (const secret of shown.flatMap(({kubernetesSecrets = []}) => kubernetesSecrets))
    for (const one of secrets) {
      const sameLogin = one.credentialHash === secret.credentialHash;
      const room = secrets.length < notedSecrets;
      if (sameLogin && (isSame(one, secret) || !room)) return {allowed: true};
      if (sameLogin || (isSame(one, secret) && room))
        return {allowed: true, learnt: {kubernetesSecrets: [secret]}};
    }
  // Of several accounts only the first counts: a pod has one.
  const [account] = shown.flatMap(({kubernetesServiceAccounts = []}) => kubernetesServiceAccounts);
  return {allowed: account !== undefined && accounts.some((one) => isSame(one, account))};
}

/** What is known after a pull with these credentials. */
export function mergeCredentials(known: PullCredentials | undefined, more: PullCredentials): PullCredentials {
  if (known?.nodePodsAccessible === true || more.nodePodsAccessible === true)
    return {nodePodsAccessible: true};
  const secrets = mergeOwners(known?.kubernetesSecrets, more.kubernetesSecrets);
  const accounts = mergeOwners(known?.kubernetesServiceAccounts, more.kubernetesServiceAccounts);
  return {
    ...(secrets.length === 0 ? {} : {kubernetesSecrets: secrets}),
    ...(accounts.length === 0 ? {} : {kubernetesServiceAccounts: accounts}),
  };
}

function mergeOwners<T extends Owner>(known: readonly T[] = [], more: readonly T[] = []): T[] {
  const all = new Map([...known, ...more].map((one) => [`${one.namespace}/${one.name}/${one.uid}`, one]));
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

function isSame(a: Owner, b: Owner): boolean {
  return a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;
}
