/** What a request asks for, whatever its HTTP details. */
export type Endpoint =
  | 'healthz'
  | 'pods'
  | 'running-pods'
  | 'configz'
  | 'metrics'
  | 'resource-metrics'
  | 'cadvisor-metrics'
  | 'probe-metrics'
  | 'sli-metrics'
  | 'stats'
  | 'logs'
  | 'exec'
  | 'attach'
  | 'port-forward'
  | 'run'
  | 'checkpoint'
  | 'statusz'
  | 'flagz'
  | 'node-logs'
  | 'profiles'
  | 'debug-flags'
  | 'not-found';

export type Route = {
  readonly endpoint: Endpoint;
  readonly methods: readonly string[];
  /** `nodes/<subresource>`: being allowed any of them is enough. */
  readonly subresources: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  /**
   * Acts inside containers need `create` whatever the HTTP method: a WebSocket handshake is a GET, and the right to
   * `get nodes/proxy` must not be the right to run commands.
   */
  readonly verb?: 'create';
};

type Pattern = Omit<Route, 'parameters'> & {readonly path: string};

const read = ['GET'];
const stream = ['GET', 'POST'];
const any = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const proxy = ['proxy'];

/** `{name}` is one segment; a trailing `*` is any rest. The first that fits counts. */
const patterns: readonly Pattern[] = [
  {path: '/healthz*', endpoint: 'healthz', methods: read, subresources: ['healthz', 'proxy']},
  {path: '/pods', endpoint: 'pods', methods: read, subresources: ['pods', 'proxy']},
  {path: '/runningpods', endpoint: 'running-pods', methods: read, subresources: ['pods', 'proxy']},
  {path: '/configz', endpoint: 'configz', methods: read, subresources: ['configz', 'proxy']},
  {path: '/metrics', endpoint: 'metrics', methods: read, subresources: ['metrics']},
  {path: '/metrics/resource', endpoint: 'resource-metrics', methods: read, subresources: ['metrics']},
  {path: '/metrics/cadvisor', endpoint: 'cadvisor-metrics', methods: read, subresources: ['metrics']},
  {path: '/metrics/probes', endpoint: 'probe-metrics', methods: read, subresources: ['metrics']},
  {path: '/metrics/slis', endpoint: 'sli-metrics', methods: read, subresources: ['metrics']},
  {path: '/statusz', endpoint: 'statusz', methods: read, subresources: ['statusz']},
  {path: '/flagz', endpoint: 'flagz', methods: read, subresources: ['configz']},
  {
    path: '/checkpoint/{namespace}/{pod}/{container}',
    endpoint: 'checkpoint',
    methods: ['POST'],
    subresources: ['checkpoint'],
  },
  {path: '/logs*', endpoint: 'node-logs', methods: read, subresources: ['log']},
  {path: '/debug/pprof*', endpoint: 'profiles', methods: read, subresources: proxy},
  {path: '/debug/flags/v', endpoint: 'debug-flags', methods: any, subresources: proxy},
  {path: '/stats/summary', endpoint: 'stats', methods: ['GET', 'POST'], subresources: ['stats']},
  {
    path: '/containerLogs/{namespace}/{pod}/{container}',
    endpoint: 'logs',
    methods: read,
    subresources: proxy,
  },
  ...['/exec', '/attach', '/run'].flatMap((root): Pattern[] => {
    const endpoint = root === '/exec' ? 'exec' : root === '/attach' ? 'attach' : 'run';
    const methods = endpoint === 'run' ? ['POST'] : stream;
    const common = {endpoint, methods, subresources: proxy, verb: 'create'} as const;
    return [
      {path: `${root}/{namespace}/{pod}/{container}`, ...common},
      {path: `${root}/{namespace}/{pod}/{uid}/{container}`, ...common},
    ];
  }),
  ...['/portForward/{namespace}/{pod}', '/portForward/{namespace}/{pod}/{uid}'].map(
    (path): Pattern => ({
      path,
      endpoint: 'port-forward',
      methods: stream,
      subresources: proxy,
      verb: 'create',
    }),
  ),
];

/** Paths that do not exist here still need the right that Kubernetes asks for them, before anybody is told so. */
const unserved: readonly {
  readonly path: string;
  readonly subresources: readonly string[];
  readonly verb?: 'create';
}[] = [
  {path: '/metrics*', subresources: ['metrics']},
  {path: '/stats*', subresources: ['stats']},
  {path: '/checkpoint*', subresources: ['checkpoint']},
  {path: '/statusz*', subresources: ['statusz']},
  {path: '/flagz*', subresources: ['configz']},
  {path: '/pods*', subresources: ['pods', 'proxy']},
  {path: '/runningpods*', subresources: ['pods', 'proxy']},
  {path: '/configz*', subresources: ['configz', 'proxy']},
  {path: '/exec*', subresources: proxy, verb: 'create'},
  {path: '/attach*', subresources: proxy, verb: 'create'},
  {path: '/run*', subresources: proxy, verb: 'create'},
  {path: '/portForward*', subresources: proxy, verb: 'create'},
];

/** The route of a path (without its query). A path that cannot be decoded is one that does not exist. */
export function matchRoute(path: string): Route {
  const segments = split(path);
  for (const {path: pattern, ...route} of patterns) {
    const parameters = segments && parametersOf(pattern, segments);
    if (parameters !== undefined) return {...route, parameters};
  }
  const known = segments && unserved.find(({path: pattern}) => parametersOf(pattern, segments) !== undefined);
  return {
    endpoint: 'not-found',
    methods: [],
    subresources: known?.subresources ?? proxy,
    parameters: {},
    ...(known?.verb === undefined ? {} : {verb: known.verb}),
  };
}

/** Decoded segments; a trailing slash does not count. `/exec//x` has an empty one and fits nothing. */
function split(path: string): string[] | undefined {
  try {
    return path
      .replace(/^\//, '')
      .replace(/\/$/, '')
      .split('/')
      .map((segment) => decodeURIComponent(segment));
  } catch {
    return undefined;
  }
}

/** What there is, by the first part of its path: for people who look around. */
export function servedPaths(): string[] {
  const roots = patterns.map(({path}) => `/${path.replace('*', '').split('/')[1] ?? ''}`);
  return [...new Set(roots)].sort();
}

function parametersOf(pattern: string, segments: readonly string[]): Record<string, string> | undefined {
  const open = pattern.endsWith('*');
  const wanted = pattern.slice(1, open ? -1 : undefined).split('/');
  if (open ? segments.length < wanted.length : segments.length !== wanted.length) return undefined;
  const parameters: [string, string][] = [];
  for (const [at, want] of wanted.entries()) {
    const got = segments[at] ?? '';
    if (!want.startsWith('{')) {
      if (want !== got) return undefined;
    } else if (got === '' || got.includes('/')) return undefined;
    else parameters.push([want.slice(1, -1), got]);
  }
  return Object.fromEntries(parameters);
}

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** The verb of a request; '' for methods that Kubernetes has none for, which only a wildcard allows. */
export function verbOf(route: Route, method: string): string {
  return route.verb ?? verbs[method] ?? '';
}
