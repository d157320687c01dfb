import type {Obj} from '../../contract.ts';
import {numberAt, objectsAt, textAt} from '../../json.ts';
import {nodeDefinition, podDefinition} from '../../resources/table.ts';
import {badRequest, StatusError} from '../../status.ts';
import type {ProxyAnswer} from '../http/request.ts';
import {nameOf, type Special} from '../operations/operations.ts';
import type {Registry} from '../registry.ts';

type Stream = 'containerLogs' | 'exec' | 'attach' | 'portForward';

const logParameters = [
  'follow',
  'limitBytes',
  'previous',
  'sinceSeconds',
  'sinceTime',
  'stream',
  'tailLines',
  'timestamps',
];

/** pods/log, exec, attach and portforward: the kubelet of the pod's node answers (registry/core/pod/strategy.go). */
export function podStream(registry: Registry, stream: Stream): Special {
  return (target, request) => {
    const pod = registry.get(podDefinition, target.namespace, nameOf(target));
    const {name, namespace = ''} = pod.metadata;
    const node = textAt(pod, 'spec', 'nodeName');
    const container =
      stream === 'portForward' ? '' : containerOf(pod, request.query.get('container'), stream);
    if (!node) {
      if (stream === 'containerLogs') return {code: 200, contentType: 'text/plain', body: ''};
      throw badRequest(`pod ${name} does not have a host assigned`);
    }
    const parts = [stream, namespace, name, container].filter((part) => part !== '').map(encodeURIComponent);
    const query = parametersFor(stream, request.query).toString();
    return proxyTo(registry, node, `/${parts.join('/')}${query === '' ? '' : `?${query}`}`);
  };
}

/** nodes/proxy: any path of a kubelet. */
export function nodeProxy(registry: Registry): Special {
  return (target, request) => {
    const query = request.query.toString();
    return proxyTo(registry, nameOf(target), `/${target.rest}${query === '' ? '' : `?${query}`}`);
  };
}

function containerOf(pod: Obj, asked: string | null, stream: Stream): string {
  const names = (list: string) => objectsAt(pod, 'spec', list).map((c) => textAt(c, 'name') ?? '');
  const [main, init, ephemeral] = [
    names('containers'),
    names('initContainers'),
    names('ephemeralContainers'),
  ];
  const {name} = pod.metadata;
  if (asked) {
    if ([...main, ...init, ...ephemeral].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [only = ''] = main;
  if (main.length === 1 && (stream !== 'containerLogs' || init.length + ephemeral.length === 0)) return only;
  const extra = [
    init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : '',
    ephemeral.length > 0 ? ` or one of the ephemeral containers: [${ephemeral.join(' ')}]` : '',
  ].join('');
  throw badRequest(
    `a container name must be specified for pod ${name}, choose one of: [${main.join(' ')}]${extra}`,
  );
}

function parametersFor(stream: Stream, query: URLSearchParams): URLSearchParams {
  const out = new URLSearchParams();
  const pass = (name: string, as = name) => {
    for (const value of query.getAll(name)) out.append(as, value);
  };
  const flag = (name: string, as: string) => {
    if (['true', '1'].includes(query.get(name) ?? '')) out.append(as, '1');
  };
  switch (stream) {
    case 'containerLogs':
      for (const name of logParameters) pass(name);
      return out;
    case 'portForward':
      pass('ports', 'port');
      pass('port');
      return out;
    default:
      flag('stdin', 'input');
      flag('stdout', 'output');
      flag('stderr', 'error');
      flag('tty', 'tty');
      if (stream === 'exec') pass('command');
      return out;
  }
}

function proxyTo(registry: Registry, nodeName: string, path: string): ProxyAnswer {
  const node = registry.get(nodeDefinition, undefined, nodeName);
  const addresses = objectsAt(node, 'status', 'addresses');
  const host = ['InternalIP', 'ExternalIP', 'Hostname']
    .map((type) =>
      textAt(
        addresses.find((a) => a.type === type),
        'address',
      ),
    )
    .find((address) => address !== undefined);
  if (host === undefined)
    throw new StatusError(500, 'InternalError', `no preferred addresses found; known addresses: []`);
  const port = numberAt(node, 'status', 'daemonEndpoints', 'kubeletEndpoint', 'Port') ?? 10250;
  return {proxy: {host, port, path}};
}
