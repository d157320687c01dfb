import type {NodeSummary} from '../../lib/node-report.ts';
import type {JunitResult} from './junit.ts';
import type {StatusView} from './status-text.ts';

export const statusOutputs = ['table', 'json', 'yaml', 'junit', 'prometheus'] as const;
export type StatusOutput = (typeof statusOutputs)[number];

export type StatusDocument = {
  readonly state: StatusView['state'];
  readonly cause: StatusView['cause'];
  readonly checks: readonly (JunitResult & StatusView['checks'][number])[];
  readonly node: NodeSummary;
};

/** `whole`: all checks were asked for, so that the node's screen belongs to the answer. */
export async function statusOutput(
  output: StatusOutput,
  document: StatusDocument,
  fixes: StatusView['fixes'],
  whole: boolean,
): Promise<string> {
  const told = {apiVersion: 'nodectl/v1', kind: 'NodeStatus', ...document};
  switch (output) {
    case 'json':
      return JSON.stringify(told, null, 2);
    case 'yaml':
      return (await import('../yaml.ts')).yamlText(told);
    case 'junit':
      return (await import('./junit.ts')).junitText(document.checks);
    case 'prometheus':
      return (await import('./prometheus-text.ts')).prometheusText(document);
    case 'table': {
      const {statusText} = await import('./status-text.ts');
      const {terminalWidth} = await import('../wrap.ts');
      return statusText({...document, node: whole ? document.node : undefined, fixes}, terminalWidth());
    }
  }
}
