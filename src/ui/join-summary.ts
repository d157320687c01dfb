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
  readonly plan?: {
    readonly items: readonly {readonly phase: string; readonly text: string; readonly diff?: string}[];
    readonly objects: readonly string[];
  };
};

export function joinSummary(result: JoinSummary): string {
  if (result.planned) return plan(result);
  const where = `node ${result.nodeName} of ${result.server}`;
  if (result.changes === 0) return `Nothing to change: ${where} is ${result.state}.`;
  return `Joined: ${where} is ${result.state}. \`nodectl reset\` takes it back.`;
}

function plan({plan: {items, objects} = {items: [], objects: []}, ...of}: JoinSummary): string {
  const {nodeName, server, addresses} = of;
  const phases = [...new Set(items.map(({phase}) => phase))];
  const lines = phases.flatMap((name) => [
    `${name}:`,
    ...items.filter(({phase}) => phase === name).flatMap(({text, diff}) => [`  ${text}`, ...indented(diff)]),
  ]);
  const changes = items.length === 0 ? 'nothing to change' : `${items.length} changes`;
  const head = `Plan: ${changes} to make this node ${nodeName} of ${server}`;
  const inCluster = objects.length === 0 ? [] : ['in the cluster:', ...objects.map((line) => `  ${line}`)];
  const end = items.length === 0 ? [] : ['Nothing was changed. The same command without --plan does it.'];
  return [head, ...table(addresses), ...lines, ...inCluster, ...end].join('\n');
}

function indented(diff: string | undefined): string[] {
  return diff === undefined || diff === '' ? [] : diff.split('\n').map((line) => `      ${line}`);
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

/** Of an adopted node nobody has noted what was there before. */
export function resetSummary(
  {planned, nodeName, undone, left}: ResetSummary,
  {adopted}: {readonly adopted: boolean},
): string {
  if (undone.length + left.length === 0) return 'Nothing to undo: nodectl has not changed this machine.';
  const remains = left.map(({what, why}) => `  ${what}: ${why}`);
  if (planned) {
    const agree = adopted ? ['nodectl reset --adopt --yes does it.'] : [];
    const except = left.length === 0 ? [] : ['Except for:', ...remains];
    return ['Plan, in this order:', ...undone.map((line) => `  ${line}`), ...except, ...agree].join('\n');
  }
  const node =
    nodeName === undefined ? [] : [`The cluster still knows the node: kubectl delete node ${nodeName}`];
  const done = adopted
    ? 'Cleaned: packages, images and logs of the other tool stay.'
    : 'Reset: everything is as it was before.';
  if (left.length === 0) return [done, ...node].join('\n');
  return ['Reset, except for:', ...remains, ...node].join('\n');
}
