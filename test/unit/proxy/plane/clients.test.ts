import {expect, it} from 'vitest';
import {Clients} from '../../../../src/proxy/nftables/clients.ts';

const web = 'clients/a/web/tcp/80/10.0.0.1/8080';
const listing = `table ip nodectl-proxy {
	set cluster-ips {
		type ipv4_addr
		elements = { 10.96.0.1, 10.96.0.2 }
	}
	set clients/a/old/tcp/80/10.0.0.1/8080 {
		type ipv4_addr
		flags dynamic,timeout
		elements = { 10.1.1.9 timeout 3h expires 2h }
	}
	set ${web} {
		type ipv4_addr
		flags dynamic,timeout
		elements = { 10.1.1.1 timeout 3h expires 2h59m56s496ms, 10.1.1.2 timeout 1d1h expires 1d4m,
			     10.1.1.3 timeout 1m expires 56s496ms, 10.1.1.4 timeout 10s expires 496ms }
	}
	set clients/a/web/tcp/80/10.0.0.2/8080 {
		type ipv4_addr
		flags dynamic,timeout
	}
}`;

it('reads who is bound to an endpoint, and for how long yet', () => {
  const clients = new Clients(new Set([web, 'clients/a/web/tcp/80/10.0.0.2/8080']));
  for (const line of listing.split('\n')) clients.line(line);
  expect([...clients.found]).toEqual([
    [web, ['10.1.1.1 timeout 10796s', '10.1.1.2 timeout 86640s', '10.1.1.3 timeout 56s']],
  ]);
});

it('leaves out what it does not understand', () => {
  const clients = new Clients(new Set([web]));
  for (const text of [
    '10.1.1.1',
    '10.1.1.2 timeout 3h',
    '999.1.1.1 timeout 3h expires 2h',
    'x timeout 1h expires 1h',
  ])
    for (const line of [`\tset ${web} {`, `\t\telements = { ${text} }`, '\t}']) clients.line(line);
  expect([...clients.found]).toEqual([]);
});

it('takes no more than one transaction has room for', () => {
  const clients = new Clients(new Set([web]));
  clients.line(`\tset ${web} {`);
  const at = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255} timeout 3h expires 2h`;
  clients.line(`\t\telements = { ${at(1)},`);
  for (let i = 2; i <= 60_000; i++) clients.line(`\t\t\t     ${at(i)},`);
  expect(clients.found.get(web)?.length).toBe(50_000);
});
