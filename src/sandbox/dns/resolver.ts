import {decode, encode, type Packet, RECURSION_DESIRED} from 'dns-packet';
import type {Clock} from '../../lib/time.ts';
import {answerQuestion, type DnsRecord} from './answer.ts';
import {forward, type Upstream} from './forward.ts';
import {encodeReply, formatError, type Reply, readQuery, udpLimit} from './message.ts';
import type {View} from './records.ts';

export type ResolverOptions = {
  readonly view: View;
  readonly upstreams: readonly Upstream[];
  readonly clock: Clock;
};

export type Transport = 'udp' | 'tcp';

/** More than this many questions on their way upstream are refused: a dead upstream must not take the memory. */
const mostForwarded = 1_000;
const mostAliases = 8;

/** Bytes in, bytes out; nothing out for what deserves no answer. */
export class Resolver {
  readonly #options: ResolverOptions;
  #forwarded = 0;

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  async resolve(bytes: Buffer, transport: Transport): Promise<Buffer | undefined> {
    const query = readQuery(bytes);
    if (query === undefined) return formatError(bytes);
    const limit = transport === 'udp' ? udpLimit(query) : 65_535;
    const [question, ...others] = query.questions ?? [];
    if (question === undefined || others.length > 0)
      return encodeReply(query, {rcode: 'FORMERR', authoritative: false}, limit);
    if (((query.flags ?? 0) & 0x7800) !== 0)
      return encodeReply(query, {rcode: 'NOTIMP', authoritative: false}, limit);
    const outcome = answerQuestion(question, this.#options.view);
    if (outcome.type === 'answer') return encodeReply(query, {...outcome, authoritative: true}, limit);
    if (outcome.type === 'alias')
      return encodeReply(query, await this.#follow(query, outcome.record, outcome.target), limit);
    return (
      (await this.#forward(bytes, transport)) ??
      encodeReply(query, {rcode: 'SERVFAIL', authoritative: false}, limit)
    );
  }

  async #forward(bytes: Buffer, transport: Transport): Promise<Buffer | undefined> {
    const {upstreams, clock} = this.#options;
    if (this.#forwarded >= mostForwarded) return undefined;
    this.#forwarded++;
    try {
      return await forward(bytes, transport, upstreams, clock);
    } finally {
      this.#forwarded--;
    }
  }

  /** An ExternalName: its CNAME, and what that leads to, inside the cluster or outside. */
  async #follow(query: Packet, record: DnsRecord, target: string): Promise<Reply> {
    const type = query.questions?.[0]?.type ?? 'A';
    const answers: DnsRecord[] = [record];
    const reply: Reply = {rcode: 'NOERROR', authoritative: true, answers};
    if (type === 'CNAME') return reply;
    let name = target;
    for (let step = 0; step < mostAliases; step++) {
      const outcome = answerQuestion({type, name}, this.#options.view);
      if (outcome.type === 'answer') return {...reply, answers: [...answers, ...outcome.answers]};
      if (outcome.type === 'forward')
        return {...reply, answers: [...answers, ...(await this.#outside(type, name))]};
      answers.push(outcome.record);
      name = outcome.target;
    }
    return {rcode: 'SERVFAIL', authoritative: false};
  }

  async #outside(type: NonNullable<Packet['questions']>[number]['type'], name: string): Promise<DnsRecord[]> {
    const query = encode({type: 'query', id: 0, flags: RECURSION_DESIRED, questions: [{type, name}]});
    const answer = await this.#forward(query, 'udp');
    if (answer === undefined) return [];
    try {
      return decode(answer).answers ?? [];
    } catch {
      return [];
    }
  }
}
