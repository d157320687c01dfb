/** The parts of a join's result that a person reads. */
export type JoinSummary = {
  readonly nodeName: string;
  readonly server: string;
  readonly planned: boolean;
  readonly changes: number;
  readonly state: string;
  readonly addresses: readonly {
    readonly chosen: boolean;
    readonly device: string;
    readonly address: string;
    readonly reason: string;
  }[];
  readonly phases: readonly {readonly name: string; readonly acts: readonly string[]}[];
};

export function joinSummary(result: JoinSummary): string {
  if (result.planned) return plan(result);
  const where = `node ${result.nodeName} of ${result.server}`;
  if (result.changes === 0) return `Nothing to change: ${where} is ${result.state}.`;
  return `Joined: ${where} is ${result.state}. \`nodectl reset\` takes it back.`;
}

function plan({phases, changes, nodeName, server, addresses}: JoinSummary): string {
  const lines = phases
    .filter(({acts}) => acts.length > 0)
    .flatMap(({name, acts}) => [`${name}:`, ...acts.map((act) => `  ${act}`)]);
  const head = `Plan: ${changes === 0 ? 'nothing to change' : `at least ${changes} changes`} to make this node ${nodeName} of ${server}`;
  return [head, ...table(addresses), ...lines].join('\n');
}

/** The node's address among the candidates, with the reasons. */
function table(addresses: JoinSummary['addresses']): string[] {
  const rows = addresses.map(
    ({chosen, device, address, reason}) => `  ${chosen ? '*' : ' '} ${device}  ${address}  ${reason}`,
  );
  return rows.length === 0 ? [] : ['addresses:', ...rows];
}

export type ResetSummary = {
  readonly planned: boolean;
  readonly nodeName: string | undefined;
  readonly undone: readonly string[];
  readonly left: readonly {readonly what: string; readonly why: string}[];
};

export function resetSummary({planned, nodeName, undone, left}: ResetSummary): string {
  if (undone.length + left.length === 0) return 'Nothing to undo: nodectl has not changed this machine.';
  if (planned) return ['Plan, in this order:', ...undone.map((line) => `  ${line}`)].join('\n');
  const node =
    nodeName === undefined ? [] : [`The cluster still knows the node: kubectl delete node ${nodeName}`];
  if (left.length === 0) return ['Reset: everything is as it was before.', ...node].join('\n');
  const remains = left.map(({what, why}) => `  ${what}: ${why}`);
  return ['Reset, except for:', ...remains, ...node].join('\n');
}
