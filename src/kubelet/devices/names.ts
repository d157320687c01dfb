const maxName = 63;
const maxPrefix = 253;
const namePart = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const prefixPart = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** apis/core/v1/helper, IsExtendedResourceName: a domain of its own, and usable in quotas as `requests.<name>`. */
export function isExtendedResource(name: string): boolean {
  const [prefix = '', base = '', ...more] = name.split('/');
  if (base === '' || more.length > 0) return false;
  if (name.includes('kubernetes.io/') || name.startsWith('requests.')) return false;
  return (
    base.length <= maxName &&
    namePart.test(base) &&
    `requests.${prefix}`.length <= maxPrefix &&
    prefixPart.test(`requests.${prefix}`)
  );
}
