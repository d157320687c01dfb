import {type Finding, warning} from '../check.ts';
import {type Daemon, type DaemonSight, type NodeContext, nodeCheck} from '../node/context.ts';

/** Whoever turned a unit off, or an update's scripts, is long gone when the machine boots next. */
export const bootStart = nodeCheck({
  name: 'BootStart',
  category: 'kubelet',
  codes: ['ND760'],
  looks: 'asks systemd whether the node’s daemons start at the next boot',
  after: ['Joined'],
  async observe(context) {
    // nodectl's own supervisor starts what it was told to; other tools have their own ways to start a kubelet.
    if (!context.machine.systemd || context.joined !== 'yes') return [];
    return Promise.all(
      daemonsOf(context).map(async (name) => [name, await context.sight.daemon(name)] as const),
    );
  },
  judge: judgeBoot,
});

function daemonsOf({proxied, sandbox}: NodeContext): Daemon[] {
  return [
    'containerd',
    ...(sandbox ? ['sandbox' as const] : []),
    'kubelet',
    ...(proxied ? ['proxy' as const] : []),
  ];
}

/** One that does not run now is another check's. */
export function judgeBoot(daemons: readonly (readonly [Daemon, DaemonSight])[]): readonly Finding[] {
  const off = daemons
    .filter(([, {status}]) => status.installed && status.running && !status.enabled)
    .map(([name]) => (name === 'containerd' ? name : `nodectl-${name}`));
  if (off.length === 0) return [];
  const what = `${off.join(', ')} ${off.length === 1 ? 'runs, but does' : 'run, but do'} not start at the next boot`;
  return [warning('ND760', what, `sudo systemctl enable ${off.join(' ')}`)];
}
