import {readSysctl} from '../../../edges/machine/sysctl.ts';
import {failure} from '../../check.ts';
import {nodeCheck} from '../../node/context.ts';

const key = 'net.ipv4.ip_forward';

/** The join sets it; another program, or a file in /etc/sysctl.d, may have set it back. */
export const forwarding = nodeCheck({
  name: 'IPForwarding',
  category: 'host',
  codes: ['ND122'],
  looks: 'reads net.ipv4.ip_forward',
  after: ['Joined'],
  observe: () => readSysctl(key),
  judge: (value) =>
    value === undefined || value === '1'
      ? []
      : [failure('ND122', `IP forwarding is off`, `sudo sysctl -w ${key}=1`, `grep -rs ${key} /etc/sysctl*`)],
});
