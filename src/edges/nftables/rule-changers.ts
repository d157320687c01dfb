/** A process that has changed the packet filter, as the kernel names it. */
export type Changer = {readonly pid: number; readonly name: string};

/** Programs that are known to write rules of their own, where the kernel's word is only `nft` or `iptables`. */
const tools = /^(nft|x?ip6?tables.*|ebtables.*|arptables.*)$/;

/**
 * Who changes the packet filter during `forMs`: each transaction is announced with the process that made it
 * (NFTA_GEN_PROC_NAME, since Linux 4.14). nft and iptables themselves are left out: the proxy runs them too, and
 * whoever started them is gone or has another name.
 */
export async function watchChanges(forMs: number, signal: AbortSignal): Promise<readonly Changer[]> {
  // Only here: of all that looks at a node nothing else talks to a program while it runs.
  const {start} = await import('../process/exec.ts');
  const {onLines} = await import('../process/lines.ts');
  const over = AbortSignal.any([signal, AbortSignal.timeout(forMs)]);
  const child = start('nft', ['monitor'], {signal: over});
  const seen = new Map<string, number>();
  child.stdin.end();
  child.stderr.resume();
  onLines(child.stdout, (line) => {
    const [, pid, name] = /^# new generation \d+ by process (\d+) \((.+)\)$/.exec(line) ?? [];
    if (name !== undefined && !tools.test(name)) seen.set(name, Number(pid));
  });
  await child;
  return [...seen].map(([name, pid]) => ({name, pid}));
}
