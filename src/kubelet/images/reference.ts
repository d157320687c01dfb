/** An image's name taken apart (distribution/reference): `[domain/]path[:tag][@digest]`. */
export type ImageReference = {
  /** With the default domain and `library/` filled in, without tag and digest: `docker.io/library/busybox`. */
  readonly repository: string;
  /** As the runtime is asked for it: the given name, with `:latest` where it has neither tag nor digest. */
  readonly name: string;
  /** The given name without tag and digest. */
  readonly plain: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
};

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const domainLabel = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domain = `(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const pattern = new RegExp(
  `^((?:${domain}/)?${component}(?:/${component})*)(?::(\\w[\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);

/** Undefined for what is not an image name. */
export function parseImage(text: string): ImageReference | undefined {
  // Bounded before the pattern is tried; distribution allows 255 characters of path.
  if (text.length > 512) return undefined;
  const match = pattern.exec(text);
  const [, path, tag, digest] = match ?? [];
  if (path === undefined || /^[a-f0-9]{64}$/.test(path)) return undefined;
  const name = tag === undefined && digest === undefined ? `${text}:latest` : text;
  return {
    repository: normalized(path),
    name,
    plain: path,
    tag: tag ?? (digest === undefined ? 'latest' : undefined),
    digest,
  };
}

function normalized(path: string): string {
  const [first = '', ...rest] = path.split('/');
  const hasDomain = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost' || /[A-Z]/.test(first));
  if (hasDomain) return first === 'index.docker.io' ? `docker.io/${rest.join('/')}` : path;
  return rest.length === 0 ? `docker.io/library/${path}` : `docker.io/${path}`;
}
