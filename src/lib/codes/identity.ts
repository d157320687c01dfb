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
    fix: ['sudo systemd-machine-id-setup'],
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
  ND204: {
    title: 'another machine has this node’s name',
    why: 'The Node object tells of a machine-id that is not this machine’s: two machines serve under one name, or one was cloned.',
    fix: [
      'kubectl get node NAME -o jsonpath={.status.nodeInfo.machineID}; cat /etc/machine-id',
      'Join one of the two again under another name: sudo nodectl reset, then join with --node-name.',
    ],
    exit: 'preflight',
  },
  ND207: {
    title: 'the node’s address is gone',
    why: 'The cluster reaches this node at an address that no interface of this machine has: DHCP gave another, or a link is down.',
    fix: ['ip address', 'Give the address back, or run nodectl join again: it chooses another.'],
    exit: 'network',
  },
  ND208: {
    title: 'a name that many machines have',
    why: 'Nobody has named this machine: the next one that joins as it is would have the same name, and be refused or take its place.',
    fix: ['sudo hostnamectl set-hostname NAME', 'Or join with --node-name NAME.'],
    exit: 'preflight',
  },
});
