import {entries} from './entry.ts';

const newToken = 'On a control-plane node: kubeadm token create --print-join-command';

/** ND4xx: token, signature, pin, certificates. */
export const trustCodes = entries({
  ND401: {
    title: 'malformed bootstrap token',
    why: 'A token is six characters, a dot and sixteen characters of a-z0-9.',
    fix: ['kubeadm token create --print-join-command prints a valid one.'],
    exit: 'usage',
  },
  ND402: {
    title: 'bootstrap token expired or unknown',
    why: 'The cluster holds no signature for this token: it has expired (24 hours by default), was deleted, or belongs to another cluster.',
    fix: [newToken],
    exit: 'trust',
  },
  ND403: {
    title: 'cluster-info signature wrong',
    why: 'The token’s second half does not match the cluster’s, or cluster-info was altered on its way.',
    fix: ['Copy the whole token again.', newToken],
    exit: 'trust',
  },
  ND404: {
    title: 'malformed CA pin',
    why: 'A pin is sha256: and 64 hexadecimal digits, the hash of the CA’s public key.',
    fix: ['kubeadm token create --print-join-command prints a valid one.'],
    exit: 'usage',
  },
  ND405: {
    title: 'cluster CA does not match the pin',
    why: 'The server that answered has another CA than the one that was pinned: another cluster, a new CA, or somebody in between.',
    fix: [
      'On a control-plane node: kubeadm token create --print-join-command',
      'When the API server’s address is right and still another CA answers: stop, somebody may be in between.',
    ],
    exit: 'trust',
  },
  ND406: {
    title: 'bootstrap token not accepted',
    why: 'The API server refuses the token: it has expired, or may not be used for authentication.',
    fix: [newToken],
    exit: 'trust',
  },
  ND407: {
    title: 'API server not trusted by its own cluster-info',
    why: 'The server’s certificate is not signed by the CA in cluster-info, or cluster-info changed between two reads: a proxy or an intruder in between.',
    fix: [
      'openssl s_client -connect HOST:6443 -showcerts </dev/null, to see who answers',
      'Look for a TLS-intercepting proxy between this machine and the API server.',
    ],
    exit: 'trust',
  },
  ND408: {
    title: 'no CA pin',
    why: 'A token alone cannot tell the true API server from one that stole the token.',
    fix: [
      'Add --discovery-token-ca-cert-hash sha256:… (kubeadm token create --print-join-command prints it).',
      'Or, knowing the risk, --discovery-token-unsafe-skip-ca-verification.',
    ],
    exit: 'usage',
  },
  ND409: {
    title: 'certificate request denied',
    why: 'The cluster refused this node’s certificate request, or its signer failed.',
    fix: ['kubectl get csr', 'kubectl describe csr NAME'],
    exit: 'trust',
  },
  ND410: {
    title: 'certificate request not approved in time',
    why: 'The cluster does not approve certificates of new nodes by itself, or its signer does not run.',
    fix: ['kubectl get csr', 'kubectl certificate approve NAME, then run the same command again.'],
    exit: 'waiting',
  },
  ND411: {
    title: 'unusable discovery file',
    why: 'The kubeconfig for discovery names no cluster whose server and CA can be trusted.',
    fix: ['kubectl config view --raw --minify shows what it must contain.'],
    exit: 'usage',
  },
  ND417: {
    title: 'the node’s certificate has expired',
    why: 'The API server no longer knows this node. The kubelet renews its certificate in time while it runs and the API server answers.',
    fix: ['date -u', 'sudo nodectl reset, then join again with a fresh token.', newToken],
    exit: 'trust',
  },
  ND414: {
    title: 'the node’s certificate expires soon',
    why: 'The kubelet should have renewed it by now: its request is not approved, or it does not run.',
    fix: ['kubectl get csr', 'nodectl logs kubelet'],
    exit: 'trust',
  },
  ND415: {
    title: 'the node’s certificate is of another CA',
    why: 'It is not signed by the CA in kubelet.conf: the cluster was made anew, or its CA was replaced.',
    fix: ['sudo nodectl reset, then join again with a fresh token.', newToken],
    exit: 'trust',
  },
  ND416: {
    title: 'the API server refuses the node',
    why: 'It does not accept this node’s certificate, or lets it do less than a node may.',
    fix: ['sudo nodectl reset, then join again with a fresh token.', newToken],
    exit: 'trust',
  },
  ND412: {
    title: 'cluster CA out of its dates',
    why: 'The cluster’s CA has expired or is not valid yet, seen with this machine’s clock.',
    fix: [
      'date -u',
      'sudo timedatectl set-ntp true, when the clock is wrong',
      'On a control-plane node: kubeadm certs check-expiration',
    ],
    exit: 'trust',
  },
  ND421: {
    title: 'Kubernetes versions too far apart',
    why: 'A kubelet may not be newer than its API server, and at most three minor releases older.',
    fix: ['kubectl version', 'Use a nodectl that fits the control plane, or upgrade the control plane.'],
    exit: 'preflight',
  },
  ND419: {
    title: 'the node’s new key is gone',
    why: 'Between its request for a certificate and the answer somebody took away the private key that the certificate is for.',
    fix: ['Run the same command again: it makes another key and another request.'],
    exit: 'trust',
  },
  ND418: {
    title: 'a serving certificate waits for approval',
    why: 'serverTLSBootstrap asks the cluster to sign the kubelet’s serving certificate; nothing approves that by itself, so logs and exec fail.',
    fix: ['kubectl certificate approve NAME', 'Or set serverTLSBootstrap: false.'],
    exit: 'trust',
  },
});
