import {entries} from './entry.ts';

/** ND2xx: who this node is. */
export const identityCodes = entries({
  ND201: {
    title: 'invalid node name',
    why: 'A node name must be a lower-case RFC 1123 subdomain.',
    fix: ['Give one with --node-name.'],
    exit: 'preflight',
  },
  ND202: {
    title: 'a node of this name is already Ready',
    why: 'Another machine serves under the same name; joining would take its identity.',
    fix: [
      'Give another name with --node-name.',
      'Or, when that machine is gone: kubectl delete node NAME, then join again.',
    ],
    exit: 'preflight',
  },
  ND203: {
    title: 'machine-id missing',
    why: 'Without /etc/machine-id nodes cannot be told apart.',
    fix: ['systemd-machine-id-setup'],
    exit: 'preflight',
  },
  ND205: {
    title: 'no address for the node',
    why: 'The node needs an address of this machine that other machines reach, and none fits what was asked for.',
    fix: ['ip address', 'Give --node-ip auto, an address, a range (192.168.56.0/24) or an interface.'],
    exit: 'preflight',
  },
  ND206: {
    title: 'only a NAT address',
    why: 'The address is the same in every virtual machine behind such a NAT: other nodes cannot reach this one.',
    fix: ['Give the machine a second, host-only or bridged network, then join again.'],
    exit: 'preflight',
  },
});
