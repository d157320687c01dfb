import {expect, it} from 'vitest';
import {parseUfw} from '../../../src/edges/network/firewall.ts';

it('reads what ufw lets in from everywhere', () => {
  const status = `Status: active

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW       Anywhere
10250/tcp                  ALLOW IN    Anywhere                   # nodectl
6443/tcp                   DENY        Anywhere
30000:32767/tcp            ALLOW       192.168.0.0/16
`;
  expect(parseUfw(status)).toEqual(['22/tcp', '10250/tcp']);
});
