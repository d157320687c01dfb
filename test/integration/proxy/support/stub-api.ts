// A stub of the Kubernetes API for the proxy's tests and benches, run as a process of its own: list and watch of a
// few resources over plain HTTP. Commands come as JSON lines on stdin, each answered by a line on stdout.
import {createServer, type ServerResponse} from 'node:http';
import {createInterface} from 'node:readline';

type Stored = {metadata: {name: string; namespace?: string; resourceVersion?: string}};
type Watcher = {
  readonly plural: string;
  readonly response: ServerResponse;
  readonly name: string | undefined;
};
type Command =
  | {do: 'put' | 'delete'; plural: string; object: Stored}
  /** So many Services of so many endpoints each. */
  | {do: 'fill'; count: number; endpoints: number}
  /** Ends every connection, as a restart does. */
  | {do: 'drop'}
  /** So many requests are answered like this. */
  | {do: 'misbehave'; how: Misbehaviour; times: number};
type Misbehaviour =
  | '409'
  | '429'
  | '500'
  | '503'
  | 'html'
  | 'gone'
  | 'silence'
  | 'half a list'
  | 'half a line';

const types: Readonly<Record<string, {readonly apiVersion: string; readonly kind: string}>> = {
  services: {apiVersion: 'v1', kind: 'Service'},
  endpointslices: {apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice'},
  nodes: {apiVersion: 'v1', kind: 'Node'},
  servicecidrs: {apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR'},
};
const stores = new Map<string, Map<string, Stored>>(Object.keys(types).map((plural) => [plural, new Map()]));
const watchers = new Set<Watcher>();
/** For watches that come back. */
const history: {plural: string; version: number; line: string; name: string}[] = [];
let version = 1;
let misbehaviour: {how: Misbehaviour; times: number} | undefined;

function keyOf({metadata}: Stored): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function put(plural: string, object: Stored): void {
  version++;
  object.metadata.resourceVersion = String(version);
  const store = stores.get(plural) ?? new Map<string, Stored>();
  const type = store.has(keyOf(object)) ? 'MODIFIED' : 'ADDED';
  store.set(keyOf(object), object);
  tell(plural, type, object);
}

function remove(plural: string, object: Stored): void {
  version++;
  const old = stores.get(plural)?.get(keyOf(object));
  stores.get(plural)?.delete(keyOf(object));
  if (old !== undefined)
    tell(plural, 'DELETED', {...old, metadata: {...old.metadata, resourceVersion: String(version)}});
}

/** An event says of which kind its object is, which Go's clients insist on; the items of a list do not. */
function eventLine(plural: string, type: string, object: object): string {
  return `${JSON.stringify({type, object: {...types[plural], ...object}})}\n`;
}

function tell(plural: string, type: string, object: Stored): void {
  const line = eventLine(plural, type, object);
  history.push({plural, version, line, name: object.metadata.name});
  for (const watcher of watchers)
    if (watcher.plural === plural && (watcher.name === undefined || watcher.name === object.metadata.name))
      watcher.response.write(line);
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://stub');
  if (misbehaviour !== undefined && misbehaviour.times-- > 0) return misbehave(misbehaviour.how, response);
  const plural = url.pathname.split('/').at(-1) ?? '';
  const store = stores.get(plural);
  if (request.method !== 'GET' || store === undefined) {
    response.writeHead(404, {'content-type': 'application/json'});
    response.end('{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}');
    return;
  }
  const name = /metadata\.name=([^,]+)/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1];
  const items = [...store.values()].filter((item) => name === undefined || item.metadata.name === name);
  response.writeHead(200, {'content-type': 'application/json'});
  if (url.searchParams.get('watch') !== 'true' && url.searchParams.get('watch') !== '1') {
    const {apiVersion, kind} = types[plural] ?? {};
    const metadata = {resourceVersion: String(version)};
    response.end(JSON.stringify({apiVersion, kind: `${kind}List`, metadata, items}));
    return;
  }
  const watcher = {plural, response, name};
  watchers.add(watcher);
  response.on('close', () => watchers.delete(watcher));
  if (url.searchParams.get('sendInitialEvents') === 'true') {
    for (const object of items) response.write(eventLine(plural, 'ADDED', object));
    const annotations = {'k8s.io/initial-events-end': 'true'};
    const object = {metadata: {resourceVersion: String(version), annotations}};
    response.write(eventLine(plural, 'BOOKMARK', object));
    return;
  }
  response.flushHeaders();
  const since = Number(url.searchParams.get('resourceVersion') ?? version);
  for (const event of history)
    if (event.plural === plural && event.version > since && (name === undefined || name === event.name))
      response.write(event.line);
});

function status(code: number): string {
  return JSON.stringify({kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message: 'misbehaving'});
}

/** Each answer is cut so that what came before looks like a whole object. */
function misbehave(how: Misbehaviour, response: ServerResponse): void {
  const json = {'content-type': 'application/json'};
  const object = {metadata: {namespace: 'a', name: 'web', resourceVersion: String(version + 1)}};
  const line = JSON.stringify({type: 'DELETED', object});
  switch (how) {
    case '429':
      response.writeHead(429, {...json, 'retry-after': '1'}).end(status(429));
      break;
    case '409':
    case '500':
    case '503':
      response.writeHead(Number(how), json).end(status(Number(how)));
      break;
    case 'html':
      response.writeHead(200, {'content-type': 'text/html'}).end('<html>Sign in</html>');
      break;
    case 'gone':
      response
        .writeHead(200, json)
        .end(`${JSON.stringify({type: 'ERROR', object: JSON.parse(status(410))})}\n`);
      break;
    case 'half a list':
      response.writeHead(200, json).write('{"metadata":{"resourceVersion":"9"},"items":[');
      response.destroy();
      break;
    case 'half a line':
      response.writeHead(200, json).write(line, () => response.destroy());
  }
}

function fill(count: number, endpoints: number): void {
  const ends = Array.from({length: endpoints}, (_, end) => end + 1);
  for (let i = 0; i < count; i++) {
    const [high, low] = [i >> 8, i & 255];
    const metadata = {namespace: `ns-${i % 50}`, name: `svc-${i}`, uid: `uid-${i}`};
    put('services', {
      metadata,
      spec: {
        type: 'ClusterIP',
        clusterIP: `10.98.${high}.${low}`,
        clusterIPs: [`10.98.${high}.${low}`],
        ports: [{name: 'http', protocol: 'TCP', port: 80, targetPort: 8080}],
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        selector: {app: `app-${i}`},
      },
    } as Stored);
    put('endpointslices', filledSlice(i, ends));
  }
}

/** The slice of the n-th filled Service with these last octets. */
function filledSlice(i: number, ends: readonly number[]): Stored {
  const name = `svc-${i}`;
  return {
    metadata: {
      namespace: `ns-${i % 50}`,
      name: `${name}-abcde`,
      uid: `slice-${i}`,
      labels: {'kubernetes.io/service-name': name},
    },
    addressType: 'IPv4',
    ports: [{name: 'http', protocol: 'TCP', port: 8080}],
    endpoints: ends.map((end) => ({
      addresses: [`10.${128 + end}.${i >> 8}.${i & 255}`],
      conditions: {ready: true, serving: true, terminating: false},
      nodeName: `node-${end}`,
      targetRef: {kind: 'Pod', namespace: `ns-${i % 50}`, name: `${name}-${end}`},
    })),
  } as Stored;
}

function perform(command: Command): void {
  switch (command.do) {
    case 'put':
      put(command.plural, command.object);
      break;
    case 'delete':
      remove(command.plural, command.object);
      break;
    case 'fill':
      fill(command.count, command.endpoints);
      break;
    case 'misbehave':
      misbehaviour = command;
      break;
    case 'drop':
      for (const {response} of watchers) response.destroy();
      watchers.clear();
      server.closeAllConnections();
  }
}

server.listen({host: '127.0.0.1', port: Number(process.argv[2] ?? 0)}, () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' ? address?.port : address}\n`);
});
for await (const line of createInterface({input: process.stdin})) {
  perform(JSON.parse(line));
  process.stdout.write('done\n');
}
process.exit(0);
