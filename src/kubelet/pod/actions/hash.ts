/**
 * Kubernetes' container hash (pkg/kubelet/container/helpers.go, HashContainer): FNV-1a over the dump of the JSON of
 * image and name. The same value as the Go kubelet's, so that either can take a node over without restarting what
 * runs on it.
 */
export function containerHash(container: {readonly name: string; readonly image?: string}): string {
  const json = goJson(`{"image":${goString(container.image ?? '')},"name":${goString(container.name)}}`);
  const bytes = [...new TextEncoder().encode(json)];
  // How k8s.io/utils/dump.ForHash prints a byte slice.
  return fnv1a(`([]uint8)[${bytes.join(' ')}]`).toString(16);
}

const goString = (text: string): string => JSON.stringify(text);

/** encoding/json escapes what HTML could misread. */
function goJson(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function fnv1a(ascii: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < ascii.length; at++) {
    hash ^= ascii.charCodeAt(at);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}
