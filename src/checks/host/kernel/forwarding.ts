import {readText} from '../../../edges/files/files.ts';
import {readSysctl} from '../../../edges/machine/sysctl.ts';
import {linkKind} from '../../../edges/network/links.ts';
import {defaultRouteDevices} from '../../../edges/network/node-addresses.ts';
import {failure} from '../../check.ts';
import {nodeCheck} from '../../node/context.ts';

const key = 'net.ipv4.ip_forward';
/** Slashes keep the dots of a VLAN's name (`eth0.100`). */
const keyOf = (device: string) => `net/ipv4/conf/${device}/forwarding`;

/**
 * The join sets it; another program, or a file in /etc/sysctl.d, may have set it back. What counts for a packet is the
 * value of the link that it came in by: systemd-networkd sets those one by one.
 */
export const forwarding = nodeCheck({
  name: 'IPForwarding',
  category: 'host',
  codes: ['ND122'],
  looks: 'reads net.ipv4.ip_forward, and the same of the links that lead to pods and out of the machine',
  after: ['Joined'],
  async observe() {
    const devices = [...(await defaultRouteDevices(4)), ...((await linkKind('cni0')) ? ['cni0'] : [])];
    const [whole, ...links] = await Promise.all([
      readSysctl(key),
      ...devices.map((d) => readText(`/proc/sys/${keyOf(d)}`)),
    ]);
    return {whole, off: devices.filter((_, at) => links[at]?.trim() === '0')};
  },
  judge: ({whole, off}) => {
    if (whole !== undefined && whole !== '1')
      return [
        failure('ND122', `IP forwarding is off`, `sudo sysctl -w ${key}=1`, `grep -rs ${key} /etc/sysctl*`),
      ];
    const [first] = off;
    if (first === undefined) return [];
    return [
      failure(
        'ND122',
        `IP forwarding is off for ${off.join(' and ')}`,
        `sudo sysctl -w ${off.map((device) => `${keyOf(device)}=1`).join(' ')}`,
        'grep -rsi forward /etc/systemd/network /etc/sysctl*',
      ),
    ];
  },
});
