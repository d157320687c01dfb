import type {Container} from '../../lib/kubernetes.ts';

/** A port as a number: given, or by the name of one of the container's ports; 0 when there is none of that name. */
export function portNumber(container: Container, port: number | string | object): number {
  if (typeof port === 'number') return port;
  const text = String(port);
  if (/^\d+$/.test(text)) return Number(text);
  return container.ports?.find(({name}) => name === text)?.containerPort ?? 0;
}
