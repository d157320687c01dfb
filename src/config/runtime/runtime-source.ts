import {NodectlError} from '../../lib/errors.ts';

/** Where containerd, runc and the CNI plugins come from. */
export type RuntimeSource =
  /** The distribution's packages. */
  | {readonly kind: 'distro'}
  /** What is on the machine; nothing is installed. */
  | {readonly kind: 'present'}
  | {
      readonly kind: 'archive';
      readonly place: ArchivePlace;
      readonly archives: readonly Archive[];
      /** From an airgap bundle: there is no network. */
      readonly offline: boolean;
      /** Image archives of an airgap bundle. */
      readonly images: readonly Digested[];
    };

/** `origin`: each archive from the URL that its digest's line names. */
export type ArchivePlace =
  | {readonly kind: 'origin'}
  | {readonly kind: 'url'; readonly base: string}
  | {readonly kind: 'directory' | 'tar'; readonly path: string};

/** A file that is used only when its content has this SHA-256. */
export type Digested = {readonly sha256: string; readonly name: string; readonly url?: string};

export type Part = 'containerd' | 'runc' | 'plugins';
export type Archive = Digested & {readonly part: Part};

export type RuntimeSourceInput = {
  readonly runtimeSource?: 'distro' | 'archive' | 'present';
  /** A directory or a URL with the archives. */
  readonly runtimeArchives?: string;
  /** Lines of `sha256sum`, as text; wins over the built-in ones. */
  readonly runtimeDigests?: string;
  /** An airgap bundle: a directory or a tar archive. */
  readonly airgap?: {readonly kind: 'directory' | 'tar'; readonly path: string; readonly digests: string};
  /** The digests that travel in nodectl, as text. */
  readonly builtInDigests?: string;
  /** As Node names it. */
  readonly arch?: string;
};

/** @throws NodectlError ND521 when an archive has no digest or no place, ND904 for flags that contradict each other */
export function runtimeSourceOf(input: RuntimeSourceInput): RuntimeSource {
  const {airgap, runtimeArchives} = input;
  const kind = input.runtimeSource ?? ((airgap ?? runtimeArchives) ? 'archive' : 'distro');
  if (kind !== 'archive') {
    if (airgap !== undefined || runtimeArchives !== undefined)
      throw new NodectlError('ND904', `--runtime-source ${kind} takes nothing from archives`);
    return {kind};
  }
  const builtIn = parseDigests(input.builtInDigests ?? '', 'the built-in digests');
  const given = input.runtimeDigests ?? airgap?.digests;
  const digests = given === undefined ? builtIn : parseDigests(given, 'the digests');
  // A bundle vouches for itself only; what nodectl knows by itself must agree, unless digests were given for it.
  if (input.runtimeDigests === undefined && airgap !== undefined) assertAgree(digests, builtIn);
  const place = placeOf(input);
  const archives = archivesOf(digests, input.arch ?? 'x64');
  const homeless = place.kind === 'origin' ? archives.find(({url}) => url === undefined) : undefined;
  if (homeless !== undefined)
    throw new NodectlError('ND521', `${homeless.name} has no URL: give --runtime-archives DIR or URL`);
  const images = digests.filter(({name}) => /^images\/[^/]+\.tar$/.test(name));
  return {kind, place, archives, offline: airgap !== undefined, images};
}

function placeOf({airgap, runtimeArchives}: RuntimeSourceInput): ArchivePlace {
  if (airgap !== undefined) return {kind: airgap.kind, path: airgap.path};
  if (runtimeArchives === undefined) return {kind: 'origin'};
  if (/^https?:\/\//i.test(runtimeArchives)) return {kind: 'url', base: runtimeArchives.replace(/\/+$/, '')};
  return {kind: 'directory', path: runtimeArchives};
}

/** `HEX  NAME` as sha256sum writes it; a URL as the name says where the file comes from. */
export function parseDigests(text: string, where: string): Digested[] {
  return text.split('\n').flatMap((line, at) => {
    if (/^\s*(#|$)/.test(line)) return [];
    const [, sha256, target] = /^([0-9a-f]{64})\s+\*?(\S+)\s*$/i.exec(line) ?? [];
    if (sha256 === undefined || target === undefined)
      throw new NodectlError('ND521', `line ${at + 1} of ${where} is not a SHA-256 and a file name`);
    const isUrl = /^https?:\/\//i.test(target);
    const name = isUrl ? (target.split('/').at(-1) ?? '') : target.replace(/^\.\//, '');
    if (name.startsWith('/') || name.split('/').includes('..'))
      throw new NodectlError('ND521', `line ${at + 1} of ${where} names a place outside`);
    return [{sha256: sha256.toLowerCase(), name, ...(isUrl ? {url: target} : {})}];
  });
}

const architectures: Readonly<Record<string, string>> = {x64: 'amd64', arm64: 'arm64'};

/** The three archives by the names that their projects give them, for this machine's architecture. */
function archivesOf(digests: readonly Digested[], arch: string): Archive[] {
  const go = architectures[arch] ?? arch;
  const forms: readonly (readonly [Part, RegExp])[] = [
    ['containerd', new RegExp(`^containerd-(static-)?\\d[^/]*-linux-${go}\\.tar\\.gz$`)],
    ['runc', new RegExp(`^runc\\.${go}$`)],
    ['plugins', new RegExp(`^cni-plugins-linux-${go}-[^/]+\\.tgz$`)],
  ];
  return forms.map(([part, form]) => {
    const found = digests.find(({name}) => form.test(name.split('/').at(-1) ?? ''));
    if (found === undefined)
      throw new NodectlError('ND521', `no digest for ${part} of linux/${go} (${form.source})`);
    return {...found, part};
  });
}

function assertAgree(digests: readonly Digested[], builtIn: readonly Digested[]): void {
  for (const {name, sha256} of digests) {
    // runc's name has no version in it: another digest is another release.
    const known = /\d\.\d/.test(name)
      ? builtIn.find((own) => own.name === name.split('/').at(-1))
      : undefined;
    if (known !== undefined && known.sha256 !== sha256)
      throw new NodectlError(
        'ND522',
        `${name} of the bundle is not the official file: ${sha256}, not ${known.sha256}`,
      );
  }
}

/** `containerd-2.1.9-linux-amd64.tar.gz` in the words of `containerd --version`, before it can be asked. */
export function foreseenVersion(archive: Archive): string {
  return `containerd ${/^containerd-(?:static-)?(\d[\w.]*)/.exec(archive.name.split('/').at(-1) ?? '')?.[1] ?? ''}`;
}
