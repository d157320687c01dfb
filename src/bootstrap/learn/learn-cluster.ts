import {readBootstrap} from '../../checks/trust/bootstrap-reads.ts';
import {type Cluster, type Trusted, trustCluster} from '../../checks/trust/cluster.ts';
import type {JoinOptions} from '../../config/join.ts';
import {kubeletPaths} from '../../config/kubelet-files.ts';
import {sleep} from '../../edges/clock.ts';
import {readText} from '../../edges/files/files.ts';
import {isNodectlError} from '../../lib/errors.ts';
import {readCertificate} from '../apply/certificate.ts';
import type {JoinDeps} from '../types.ts';

/** What passes by itself while a control plane comes up: no answer yet, or a token that was made a moment ago. */
const passing = ['ND301', 'ND311', 'ND312', 'ND313', 'ND315', 'ND402'] as const;
const pauseMs = 5000;

/**
 * The cluster as its bootstrap credentials show it. Without a discovery timeout the first failure counts, so that a
 * mistake is told in seconds; with one, machines may start before their control plane does.
 */
export async function learnCluster(options: JoinOptions, deps: JoinDeps): Promise<Cluster> {
  const untilMs = performance.now() + options.timeouts.discoveryMs;
  for (;;) {
    try {
      return await lookOnce(options, deps.signal);
    } catch (error) {
      const may = passing.some((code) => isNodectlError(error, code));
      if (!may || !isNodectlError(error) || performance.now() + pauseMs > untilMs) throw error;
      const left = Math.round((untilMs - performance.now()) / 1000);
      const text = `${error.code}: ${error.message}; asking again for ${left} s`;
      deps.onEvent({kind: 'wait', phase: 'preflight', text});
      await sleep(pauseMs, deps.signal);
    }
  }
}

async function lookOnce(options: JoinOptions, signal: AbortSignal): Promise<Cluster> {
  const trusted = await trustCluster(options, signal);
  const {nodeName, bootstrap} = options;
  const isOwn = await isThisNode(options, trusted);
  const reads = await readBootstrap(trusted, bootstrap, {nodeName, isOwn}, signal);
  return {...trusted, ...reads, findings: [...trusted.findings, ...reads.findings]};
}

/** Its certificate is here and good, though its other files may be damaged: they are written again. */
async function isThisNode({layout, nodeName}: JoinOptions, {ca}: Trusted): Promise<boolean> {
  const pem = await readText(kubeletPaths({layout}).currentCertificate);
  const certificate = pem === undefined ? undefined : readCertificate(pem, ca);
  return certificate?.byCluster === true && certificate.nodeName === nodeName;
}
