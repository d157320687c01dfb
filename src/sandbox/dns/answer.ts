import type {Question, Answer as Record_, StringAnswer} from 'dns-packet';
import type {Service} from '../../lib/kubernetes.ts';
import type {Host, View} from './records.ts';
import {reverseAddress} from './reverse.ts';

export type DnsRecord = Record_;

/** What a question comes to: an answer of ours, somebody else's business, or another name to ask for. */
export type Outcome =
  | {
      readonly type: 'answer';
      readonly rcode: 'NOERROR' | 'NXDOMAIN';
      readonly answers: DnsRecord[];
      readonly additionals: DnsRecord[];
      readonly authorities: DnsRecord[];
    }
  | {readonly type: 'alias'; readonly record: DnsRecord; readonly target: string}
  | {readonly type: 'forward'};

/** As the Kubernetes plugin of CoreDNS has it in kubeadm's clusters, but for the 30 s there: changes show at once. */
export const ttl = 5;
const schemaVersion = '1.1.0';

/** Kubernetes DNS-Based Service Discovery 1.1: https://github.com/kubernetes/dns/blob/master/docs/specification.md */
export function answerQuestion(question: Question, view: View): Outcome {
  const name = question.name.toLowerCase().replace(/\.$/, '');
  const address = reverseAddress(name);
  if (address !== undefined)
    return question.type === 'PTR' ? answerReverse(question, address, view) : {type: 'forward'};
  if (name !== view.zone && !name.endsWith(`.${view.zone}`)) return {type: 'forward'};
  const labels = name === view.zone ? [] : name.slice(0, -view.zone.length - 1).split('.');
  return answerInZone(question, labels.reverse(), view);
}

/** Labels from the zone downwards: `svc`, namespace, service, … */
function answerInZone(question: Question, labels: readonly string[], view: View): Outcome {
  const [kind, namespace, ...rest] = labels;
  if (kind === undefined) return answerApex(question, view);
  if (kind === 'dns-version' && namespace === undefined)
    return found(
      view,
      question.type === 'TXT' ? [{type: 'TXT', name: question.name, ttl, data: schemaVersion}] : [],
    );
  if (kind === 'dns' && (namespace === undefined || (namespace === 'ns' && rest.length === 0)))
    return found(view, []);
  if (kind !== 'svc' && kind !== 'pod') return missing(view);
  if (namespace === undefined) return found(view, []);
  if (!view.hasNamespace(namespace)) return missing(view);
  if (rest.length === 0) return found(view, []);
  return kind === 'pod' ? answerPod(question, rest, view) : answerService(question, namespace, rest, view);
}

function answerApex(question: Question, view: View): Outcome {
  if (question.type === 'SOA') return found(view, [soa(view)]);
  if (question.type === 'NS')
    return found(view, [{type: 'NS', name: question.name, ttl, data: `ns.dns.${view.zone}`}]);
  return found(view, []);
}

/** kubeadm's `pods insecure`: any address in a namespace that exists, whether a pod has it or not. */
function answerPod(question: Question, labels: readonly string[], view: View): Outcome {
  const [label = '', ...more] = labels;
  const v4 = /^\d{1,3}(-\d{1,3}){3}$/.test(label) && label.split('-').every((octet) => Number(octet) < 256);
  const address = v4 ? label.replaceAll('-', '.') : label.replaceAll('-', ':');
  const v6 = !v4 && label.includes('-') && URL.canParse(`http://[${address}]/`);
  if (more.length > 0 || (!v4 && !v6)) return missing(view);
  const type = v4 ? 'A' : 'AAAA';
  return found(view, question.type === type ? [{type, name: question.name, ttl, data: address}] : []);
}

function answerService(
  question: Question,
  namespace: string,
  labels: readonly string[],
  view: View,
): Outcome {
  const [name = '', ...below] = labels;
  const service = view.service(namespace, name);
  if (service === undefined) return missing(view);
  if (service.spec.type === 'ExternalName')
    return below.length === 0 ? alias(question, service) : missing(view);
  const headless = service.spec.clusterIP === 'None';
  const hosts = headless ? view.hosts(namespace, name) : [];
  // "If there are no ready endpoints for the headless Service, the answer should be NXDOMAIN" (2.4.1).
  if (headless && hosts.length === 0) return missing(view);
  const target = {question, view, service, hosts, base: `${name}.${namespace}.svc.${view.zone}`};
  const [first, second] = below;
  if (first === undefined) return answerName(target);
  if (below.length === 2 && second !== undefined) return answerPort(target, second, first);
  if (below.length !== 1) return missing(view);
  if (first === '_tcp' || first === '_udp' || first === '_sctp') return found(view, []);
  const named = hosts.filter((host) => host.label.toLowerCase() === first);
  return named.length === 0
    ? missing(view)
    : found(
        view,
        addresses(
          question,
          named.map((host) => host.address),
        ),
      );
}

type Target = {
  readonly question: Question;
  readonly view: View;
  readonly service: Service;
  readonly hosts: readonly Host[];
  readonly base: string;
};

function answerName(target: Target): Outcome {
  const {question, view, service, hosts} = target;
  if (question.type === 'SRV') return answerPort(target, undefined, undefined);
  const all =
    service.spec.clusterIP === 'None' ? hosts.map((h) => h.address) : (service.spec.clusterIPs ?? []);
  return found(view, addresses(question, all));
}

/** `_https._tcp`: SRV of the ports with that name; without names, of all ports. */
function answerPort(
  {question, view, service, hosts, base}: Target,
  port: string | undefined,
  protocol: string | undefined,
): Outcome {
  const wanted = (candidate: {name?: string; protocol?: string}) =>
    port === undefined ||
    (`_${(candidate.name ?? '').toLowerCase()}` === port &&
      `_${(candidate.protocol ?? 'TCP').toLowerCase()}` === protocol);
  const targets =
    service.spec.clusterIP === 'None'
      ? hosts.flatMap((host) =>
          host.ports
            .filter(wanted)
            .map((p) => ({port: p.port, name: `${host.label}.${base}`, ips: [host.address]})),
        )
      : (service.spec.ports ?? [])
          .filter(wanted)
          .map((p) => ({port: p.port, name: base, ips: service.spec.clusterIPs ?? []}));
  if (targets.length === 0 && port !== undefined) return missing(view);
  if (question.type !== 'SRV') return found(view, []);
  const weight = Math.max(1, Math.floor(100 / Math.max(1, targets.length)));
  const answers = targets.map(
    (t): DnsRecord => ({
      type: 'SRV',
      name: question.name,
      ttl,
      data: {priority: 0, weight, port: t.port, target: t.name},
    }),
  );
  const additionals = new Map(
    targets.flatMap((t) =>
      t.ips.map((ip): [string, DnsRecord] => [`${t.name} ${ip}`, addressRecord(t.name, ip)]),
    ),
  );
  return {...found(view, answers), additionals: [...additionals.values()]};
}

function alias(question: Question, service: Service): Outcome {
  const target = service.spec.externalName ?? '';
  const record: DnsRecord = {type: 'CNAME', name: question.name, ttl, data: target};
  return {type: 'alias', record, target};
}

function answerReverse(question: Question, address: string, view: View): Outcome {
  const base = (s: Service) => `${s.metadata.name}.${s.metadata.namespace}.svc.${view.zone}`;
  const names = [
    ...view.servicesAt(address).map(base),
    ...view.hostsAt(address).map(({host, service}) => `${host.label}.${base(service)}`),
  ];
  if (names.length === 0) return {type: 'forward'};
  return found(
    view,
    [...new Set(names)].map((data) => ({type: 'PTR', name: question.name, ttl, data})),
  );
}

function addresses(question: Question, ips: readonly string[]): DnsRecord[] {
  return [...new Set(ips)]
    .map((ip) => addressRecord(question.name, ip))
    .filter((record) => record.type === question.type);
}

function addressRecord(name: string, ip: string): StringAnswer {
  return {type: ip.includes(':') ? 'AAAA' : 'A', name, ttl, data: ip};
}

type Found = Extract<Outcome, {type: 'answer'}>;

/** An answer, or NODATA: the name is there, records of this type are not. */
function found(view: View, answers: DnsRecord[]): Found {
  const authorities = answers.length === 0 ? [soa(view)] : [];
  return {type: 'answer', rcode: 'NOERROR', answers, additionals: [], authorities};
}

function missing(view: View): Found {
  return {type: 'answer', rcode: 'NXDOMAIN', answers: [], additionals: [], authorities: [soa(view)]};
}

function soa({zone}: View): DnsRecord {
  const data = {
    mname: `ns.dns.${zone}`,
    rname: `hostmaster.${zone}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: ttl,
  };
  return {type: 'SOA', name: zone, ttl, data};
}
