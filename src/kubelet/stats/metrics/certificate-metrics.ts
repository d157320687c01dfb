import {Counter, Gauge, Histogram, type Registry} from 'prom-client';
import type {KeyPair} from '../../../edges/trust/certificate-store.ts';
import {leafFacts} from '../../certificates/validity.ts';

export type CertificateKind = 'client' | 'server';

/** From a minute to four years, in seconds. */
const livedBuckets = [
  60, 3_600, 14_400, 86_400, 604_800, 2_592_000, 7_776_000, 15_552_000, 31_104_000, 124_416_000,
];

const helps = {
  client:
    "Gauge of the TTL (time-to-live) of the Kubelet's client certificate. The value is in seconds until certificate expiry (negative if already expired). If client certificate is invalid or unused, the value will be +INF.",
  server:
    "Gauge of the shortest TTL (time-to-live) of the Kubelet's serving certificate. The value is in seconds until certificate expiry (negative if already expired). If serving certificate is invalid or unused, the value will be +INF.",
} as const;

/** What alerts watch of this node's certificates (pkg/kubelet/certificate): how long they last, and what failed. */
export class CertificateMetrics {
  readonly #expireMs = new Map<CertificateKind, number>();
  readonly #nowMs: () => number;
  readonly #lived: Histogram;
  #servedSinceMs: number | undefined;
  readonly #failures: Readonly<Record<CertificateKind, Counter>>;

  constructor(registry: Registry, nowMs: () => number) {
    const registers = [registry];
    this.#nowMs = nowMs;
    this.#lived = new Histogram({
      registers,
      name: 'kubelet_certificate_manager_server_rotation_seconds',
      help: 'Histogram of the number of seconds the previous certificate lived before being rotated.',
      buckets: livedBuckets,
    });
    for (const kind of ['client', 'server'] as const) {
      const ttl = () => Math.trunc(((this.#expireMs.get(kind) ?? Number.POSITIVE_INFINITY) - nowMs()) / 1000);
      new Gauge({
        registers,
        name: `kubelet_certificate_manager_${kind}_ttl_seconds`,
        help: helps[kind],
        collect() {
          this.set(ttl());
        },
      });
    }
    const help = 'Counter of certificate renewal errors.';
    this.#failures = {
      client: new Counter({
        registers,
        name: 'kubelet_certificate_manager_client_expiration_renew_errors',
        help,
      }),
      server: new Counter({registers, name: 'kubelet_server_expiration_renew_errors', help}),
    };
  }

  inUse(kind: CertificateKind, pair: KeyPair): void {
    const facts = leafFacts(pair);
    if (facts === undefined) this.#expireMs.delete(kind);
    else this.#expireMs.set(kind, facts.notAfterMs);
    if (kind === 'client') return;
    if (this.#servedSinceMs !== undefined) this.#lived.observe((this.#nowMs() - this.#servedSinceMs) / 1000);
    this.#servedSinceMs = facts?.notBeforeMs;
  }

  failed(kind: CertificateKind): void {
    this.#failures[kind].inc();
  }
}
