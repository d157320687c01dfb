import {stringify} from 'yaml';
import {fieldFlags} from '../../../config/kubelet/field-flags.ts';
import type {KubeletConfig} from '../../../config/kubelet.ts';
import {timestamp} from '../../../lib/time.ts';
import {Refusal} from '../auth/refusal.ts';
import {configz} from './configz.ts';

/** A page for people, and an object for programs that ask for it by name (apiserver/pkg/server/{statusz,flagz}). */
export type Page = {
  readonly kind: 'Statusz' | 'Flagz';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
};

export type Rendered = {readonly contentType: string; readonly body: string; readonly warning?: string};

export function statusz(
  config: KubeletConfig,
  startedMs: number,
  nowMs: number,
  paths: readonly string[],
): Page {
  const uptimeSeconds = Math.max(0, Math.floor((nowMs - startedMs) / 1000));
  const binaryVersion = config.version.replace(/^v/, '');
  const emulationVersion = binaryVersion.split('.').slice(0, 2).join('.');
  const startTime = timestamp(startedMs);
  return {
    kind: 'Statusz',
    fields: {startTime, uptimeSeconds, binaryVersion, emulationVersion, paths},
    lines: [
      '',
      `Started: ${startTime}`,
      `Up: ${uptime(uptimeSeconds)}`,
      `Binary version: ${binaryVersion}`,
      `Emulation version: ${emulationVersion}`,
      `Paths: ${paths.join(' ')}`,
    ],
  };
}

/** Every flag that sets a field, with what is in effect, and what only flags say. */
export function flagz(config: KubeletConfig): Page {
  const {kubeletconfig} = configz(config);
  const fields = Object.entries(fieldFlags).map(([name, [path]]) => [name, at(kubeletconfig, path)] as const);
  const others = {
    'bootstrap-kubeconfig': config.bootstrapKubeconfig,
    'cert-dir': config.certDir,
    'cloud-provider': config.externalCloudProvider ? 'external' : '',
    'feature-gates': config.featureGates,
    'hostname-override': config.nodeName,
    'image-credential-provider-bin-dir': config.imageCredentialProviderBinDir,
    'image-credential-provider-config': config.imageCredentialProviderConfig,
    kubeconfig: config.kubeconfig,
    'node-ip': config.nodeIPs,
    'node-labels': config.nodeLabels,
    'root-dir': config.rootDir,
    v: config.verbosity,
  };
  const flags = Object.fromEntries(
    [...fields, ...Object.entries(others)]
      .map(([name, value]) => [name, valueText(value)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return {
    kind: 'Flagz',
    fields: {flags},
    lines: Object.entries(flags).map(([name, value]) => `${name}=${value}`),
  };
}

/** @throws Refusal 406 where no form that the client takes is known */
export function render(page: Page, accept: string | undefined): Rendered {
  for (const {type, parameters} of ranges(accept ?? '')) {
    const version = wantedVersion(page, parameters);
    if (['text/plain', 'text/*', '*/*'].includes(type) && parameters.size === 0) return plain(page);
    if (type === 'application/json' && version !== undefined) return structured(page, version, type);
    if (type === 'application/yaml' && version !== undefined) return structured(page, version, type);
  }
  throw new Refusal(
    406,
    'only the following media types are accepted: text/plain, ' +
      `application/json;as=${page.kind};v=v1beta1;g=config.k8s.io, application/yaml;as=${page.kind};v=v1beta1;g=config.k8s.io`,
  );
}

function wantedVersion({kind}: Page, parameters: ReadonlyMap<string, string>): string | undefined {
  const version = parameters.get('v') ?? '';
  const isKnown = parameters.get('g') === 'config.k8s.io' && parameters.get('as') === kind;
  return isKnown && ['v1beta1', 'v1alpha1'].includes(version) ? version : undefined;
}

type Range = {readonly type: string; readonly parameters: ReadonlyMap<string, string>};

/** Media ranges of an Accept header, those that are liked best first; without one, text. */
function ranges(accept: string): Range[] {
  if (accept.trim() === '') return [{type: 'text/plain', parameters: new Map()}];
  return accept
    .split(',')
    .map((range) => {
      const [type = '', ...words] = range.split(';').map((word) => word.trim());
      const parameters = new Map(
        words.map((word): [string, string] => {
          const [name = '', value = ''] = word.split('=');
          return [name.toLowerCase(), value];
        }),
      );
      const quality = Number(parameters.get('q') ?? 1);
      parameters.delete('q');
      parameters.delete('charset');
      return {type: type.toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 0};
    })
    .filter(({quality}) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
}

function plain({kind, lines}: Page): Rendered {
  const head = [
    '',
    `kubelet ${kind.toLowerCase()}`,
    'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.',
  ];
  return {contentType: 'text/plain; charset=utf-8', body: [...head, ...lines, ''].join('\n')};
}

function structured({kind, fields}: Page, version: string, contentType: string): Rendered {
  const object = {kind, apiVersion: `config.k8s.io/${version}`, metadata: {name: 'kubelet'}, ...fields};
  const body = contentType === 'application/json' ? `${JSON.stringify(object)}\n` : stringify(object);
  if (version === 'v1beta1') return {contentType, body};
  const text = `This version of the ${kind.toLowerCase()} endpoint is deprecated. Please use a newer version.`;
  return {contentType, body, warning: `299 - "${text}"`};
}

function uptime(seconds: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `${Math.floor(seconds / 3600)} hr ${two((seconds % 3600) / 60)} min ${two(seconds % 60)} sec`;
}

function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((inner, name) => entriesOf(inner).find(([key]) => key === name)?.[1], value);
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/** As flags are written: lists with commas, maps as name=value. */
function valueText(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map(valueText).join(',');
  if (typeof value !== 'object' || value === null) return String(value);
  return entriesOf(value)
    .map(([name, inner]) => `${name}=${valueText(inner)}`)
    .join(',');
}
