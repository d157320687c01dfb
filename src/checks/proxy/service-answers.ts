import {defaultRouteDevices} from '../../edges/network/node-addresses.ts';
import {tcpProbe} from '../../edges/network/probes/probe-net.ts';
import {type Finding, failure, warning} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';

/** Proves the data plane: the ClusterIP that every pod takes to the API server, dialled from here. */
export const serviceAnswers = nodeCheck({
  name: 'ServiceAnswers',
  category: 'proxy',
  codes: ['ND739'],
  looks: 'connects to the ClusterIP of kubernetes',
  after: ['Authorized'],
  blames: ['IPForwarding', 'ProxyService', 'ProxyHealth', 'ServiceRules'],
  async observe({sight}) {
    const service = await sight.kubernetesService();
    if (service.kind !== 'there') return undefined;
    const {clusterIP = '', ports = []} = service.object.spec;
    const [port] = ports;
    if (clusterIP === '' || clusterIP === 'None' || port === undefined) return undefined;
    const {outcome, message} = await tcpProbe(clusterIP, port.port, 1500);
    const answers = outcome === 'success';
    const family = clusterIP.includes(':') ? 6 : 4;
    const routed = answers || (await defaultRouteDevices(family)).length > 0;
    return {address: `${clusterIP}:${port.port}`, answers, message, routed};
  },
  judge: (seen, context) =>
    seen === undefined || seen.answers ? [] : [silent(seen, context.proxied, command(context, 'logs proxy'))],
});

type Silent = {readonly address: string; readonly message: string; readonly routed: boolean};

/** Rules translate an address only once a route was found for it: a machine without any sends nothing to Services. */
function silent(seen: Silent, proxied: boolean, logs: string): Finding {
  const message = `the Service kubernetes (${seen.address}) does not answer\n${seen.message}`;
  if (!seen.routed)
    return failure(
      'ND739',
      `no route leads to Services: there is no default route\n${seen.message}`,
      'sudo ip route add default via GATEWAY',
      'ip route',
    );
  if (proxied) return failure('ND739', message, logs);
  return warning(
    'ND739',
    message,
    'kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy',
    'Where the cluster brings no proxy: join again with --proxy-kubeconfig FILE',
  );
}
