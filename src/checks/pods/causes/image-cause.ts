/** Why an image cannot be had, in a few words, and what to type; `image` is its name as the pod has it. */
export type ImageCause = {readonly what: string; next(image: string): string};

type Known = ImageCause & {readonly like: RegExp};

/** Go's, containerd's and registries' own words, the particular before the general. */
const known: readonly Known[] = [
  {
    like: /ErrImageNeverPull|imagePullPolicy: Never|with policy Never|ImagePullPolicy of Never/i,
    what: 'it is not on this node, and may never be pulled',
    next: () => 'sudo nodectl images import FILE.tar',
  },
  {
    like: /InvalidImageName|invalid reference format|couldn't parse image/i,
    what: 'its name is not valid',
    next: (image) => `Correct the name: ${image}`,
  },
  {
    like: /no space left on device/,
    what: 'the disk is full',
    next: () => 'df -h /var/lib/containerd; sudo nodectl images prune',
  },
  {
    like: /proxyconnect/,
    what: 'the HTTP proxy does not answer',
    next: () => 'systemctl show containerd --property=Environment',
  },
  {
    like: /x509: certificate (has expired|is not yet valid)|certificate has expired or is not yet valid/,
    what: 'the registry’s certificate is out of its dates, or this clock is wrong',
    next: () => 'date -u',
  },
  {
    like: /x509:|tls: failed to verify certificate/,
    what: 'the registry’s certificate is not trusted',
    next: () =>
      'Put its CA into /usr/local/share/ca-certificates, then: sudo update-ca-certificates && sudo nodectl restart containerd',
  },
  {
    like: /server gave HTTP response to HTTPS client/,
    what: 'the registry speaks plain HTTP',
    next: (image) =>
      `Write /etc/containerd/certs.d/${hostOf(image)}/hosts.toml with server = "http://${hostOf(image)}"`,
  },
  {
    like: /toomanyrequests|429 Too Many Requests|pull rate limit/i,
    what: 'the registry’s rate limit is reached',
    next: () => 'Wait, or pull with an account: imagePullSecrets of the pod.',
  },
  {
    like: /no such host|server misbehaving|Temporary failure in name resolution|lookup \S+( on \S+)?: .*(i\/o timeout|connection refused|network is unreachable)/,
    what: 'the registry’s name is not found',
    next: (image) => `getent hosts ${hostOf(image)}; cat /etc/resolv.conf`,
  },
  {
    like: /no match for platform|exec format error/,
    what: 'it is not made for this processor',
    next: () => 'uname -m',
  },
  {
    like: /content digest \S+: not found|unexpected EOF|failed size validation|failed to extract layer|blob .*not found|missing content/i,
    what: 'what is stored of it is damaged',
    next: (image) => `sudo ctr -n k8s.io images rm ${image} && sudo nodectl images pull ${image}`,
  },
  {
    like: /401 Unauthorized|403 Forbidden|pull access denied|authorization failed|insufficient_scope|authentication required|no basic auth|denied:/i,
    what: 'the registry wants a login, or has no such image',
    next: () => 'kubectl create secret docker-registry NAME …, and name it in imagePullSecrets',
  },
  {
    like: /: not found|manifest unknown|NAME_UNKNOWN|404 Not Found/i,
    what: 'the registry has no such image or tag',
    next: (image) => `Correct the name: ${image}`,
  },
  {
    like: /connection refused|i\/o timeout|no route to host|network is unreachable|connection reset|TLS handshake timeout|context deadline exceeded|Client\.Timeout/,
    what: 'the registry does not answer',
    next: (image) => `curl -v https://${hostOf(image)}/v2/`,
  },
];

/** Undefined where its words say nothing that is known. */
export function imageCause(reason: string, message: string): ImageCause | undefined {
  return known.find(({like}) => like.test(`${reason} ${message}`));
}

/** `registry.example:5000/a/b:1` → its registry; a name without one is Docker Hub's. */
function hostOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && /[.:]|^localhost$/.test(first) ? first : 'registry-1.docker.io';
}
