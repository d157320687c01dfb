import {createHash} from 'node:crypto';
import {join} from 'node:path';
import type {Source} from '../../../config/document.ts';
import {
  type CredentialProvider,
  readCredentialProviders,
} from '../../../config/runtime/credential-providers.ts';
import {exists, listDirectory, readText} from '../../../edges/files/files.ts';
import type {KubeClient} from '../../../edges/kube/client.ts';
import {run} from '../../../edges/process/run.ts';
import {describeError, NodectlError} from '../../../lib/errors.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import type {Logger} from '../../../lib/log.ts';
import {serviceAccounts} from '../../../lib/resources.ts';
import type {Clock} from '../../../lib/time.ts';
import {createTokenSource} from '../../volumes/kinds/tokens.ts';
import type {LoginEntry} from './credentials.ts';
import {ExecProvider} from './exec-provider.ts';

export type ProvidersOptions = {
  /** A file, or a directory of files; '' is none. */
  readonly configPath: string;
  readonly binDir: string;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the configuration that was read. */
  readonly onConfig?: ((hash: string) => void) | undefined;
  readonly onRun?: ((name: string, seconds: number, failed: boolean) => void) | undefined;
};

export type Providers = {
  logins(pod: Pod, repository: string): Promise<readonly LoginEntry[]>;
  /** The pod has come to its end. */
  forget(uid: string): void;
};

const timeoutMs = 60_000;
const callTimeoutMs = 10_000;
/** The API's default for a TokenRequest. */
const expirationSeconds = 3600;
const anyExit = Array.from({length: 256}, (_, code) => code);

/**
 * The logins that credential providers give; one that fails is told and left out.
 * @throws NodectlError ND701 where the configuration is wrong or a program is missing
 */
export async function openProviders(options: ProvidersOptions): Promise<Providers> {
  const {configPath, binDir, client, clock, log} = options;
  if (configPath === '') return {logins: async () => [], forget: () => undefined};
  const sources = await readSources(configPath);
  const configured = readCredentialProviders(sources);
  const tokens = createTokenSource({client, clock, log});
  const providers = configured.map((provider) => ({
    name: provider.name,
    exec: new ExecProvider({
      provider,
      clock,
      run: (request) => timed(options, provider, runProvider(binDir, provider, request)),
      async serviceAccount(namespace, name) {
        const {metadata} = await client.get(serviceAccounts, {namespace, name}, {timeoutMs: callTimeoutMs});
        return {uid: metadata.uid, annotations: metadata.annotations ?? {}};
      },
      token: async (pod, audience) => (await tokens.token(pod, {audience, expirationSeconds})).token,
    }),
  }));
  for (const {name} of providers)
    if (!(await exists(join(binDir, name))))
      throw new NodectlError(
        'ND701',
        `image credential provider ${join(binDir, name)}: there is no such file`,
      );
  options.onConfig?.(configHash(sources));
  const logins = async (pod: Pod, repository: string) => {
    const all = await Promise.all(
      providers.map(({name, exec}) =>
        exec.logins(pod, repository).catch((error: unknown): readonly LoginEntry[] => {
          log.warn('a credential provider gave nothing', {
            provider: name,
            image: repository,
            error: describeError(error),
          });
          return [];
        }),
      ),
    );
    return all.flat();
  };
  return {logins, forget: (uid) => tokens.forget(uid)};
}

/** As Kubernetes has it (credentialprovider/plugin/config.go): each file after its length, so that none runs into the next. */
export function configHash(sources: readonly Source[]): string {
  const hash = createHash('sha256');
  for (const {text} of sources) {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(Buffer.byteLength(text)));
    hash.update(length).update(text);
  }
  return `sha256:${hash.digest('hex')}`;
}

/** Says how long it took, and whether it gave an answer. */
async function timed(
  {clock, onRun}: ProvidersOptions,
  {name}: CredentialProvider,
  answer: Promise<string>,
): Promise<string> {
  const startMs = clock.monotonic();
  let failed = true;
  try {
    const text = await answer;
    failed = false;
    return text;
  } finally {
    onRun?.(name, (clock.monotonic() - startMs) / 1000, failed);
  }
}

async function readSources(path: string): Promise<Source[]> {
  const names = await listDirectory(path).catch(() => []);
  const files = names.filter((name) => /\.(json|ya?ml)$/.test(name)).sort();
  const paths = names.length > 0 ? files.map((name) => join(path, name)) : [path];
  return Promise.all(
    paths.map(async (file) => {
      const text = await readText(file).catch(() => undefined);
      if (text === undefined) throw new NodectlError('ND701', `${file}: cannot be read`);
      return {path: file, text};
    }),
  );
}

/** Only what it says on stderr is ever told: stdout holds credentials. */
async function runProvider(
  binDir: string,
  {name, args, env}: CredentialProvider,
  input: string,
): Promise<string> {
  const options = {
    input,
    timeoutMs,
    okCodes: anyExit,
    env: Object.fromEntries(env.map((variable) => [variable.name, variable.value])),
  };
  const {exitCode, stdout, stderr} = await run(join(binDir, name), args, options).catch((error: unknown) => {
    throw new Error(describeError(error).split('\n')[0]);
  });
  if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${stderr.trim().slice(-500)}`);
  return stdout;
}
