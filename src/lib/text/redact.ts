const hidden = '[redacted]';

/** Names of fields, flags and variables whose values are secrets, whatever they look like. */
const secretName =
  /token|secret|passw|credential|authorization|cookie|private|api[_-]?key|access[_-]?key|key-?data|dockerconfig|^auth$|^key$/i;

/** Texts that are secrets by their form, wherever they stand. */
const forms: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, hidden],
  // The first half of a bootstrap token is its public name.
  [/\b([a-z0-9]{6})\.[a-z0-9]{16}\b/g, `$1.${hidden}`],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, hidden],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${hidden}`],
  [/(\/\/[^\s/:@]+:)[^\s/@]+@/g, `$1${hidden}@`],
  // A registry's user and password in one, as containerd's and Docker's configurations hold them.
  [/(\bauth["']?\s*[=:]\s*["'])[^\s"']+/gi, `$1${hidden}`],
  // containerd at debug level prints whole requests in Go's form: environments, and a registry's credentials.
  [/(KeyValue\{Key:[^,{}]*,Value:)[^{}]*/g, `$1${hidden},`],
  [/(\b(?:Auth|Password|IdentityToken|RegistryToken):)[^,{}]+/g, `$1${hidden}`],
  // A private key in base64, as kubeconfigs hold it: `-----BEGIN`.
  [/\bLS0tLS1CRUdJTi[\w+/=]+/g, hidden],
  [
    /((?:[\w.-]*(?:token|secret|passw|credential|api[_-]?key|access[_-]?key|private[_-]?key|key-data)[\w.-]*)["']?\s*[=:]\s*["']?)(?!\[redacted\])[^\s"',}]+/gi,
    `$1${hidden}`,
  ],
];

/** A text for others' eyes: JSON lines by the names of their fields, everything by its form. */
export function redactText(text: string): string {
  const byName = text
    .split('\n')
    .map((line) => (line.startsWith('{') ? redactJsonLine(line) : line))
    .join('\n');
  return forms.reduce((result, [form, by]) => result.replace(form, by), byName);
}

function redactJsonLine(line: string): string {
  try {
    return JSON.stringify(redactValue(JSON.parse(line)));
  } catch {
    return line;
  }
}

/** A value by the names of its fields; of environments only the names of the variables stay. */
export function redactValue(value: unknown, name = ''): unknown {
  if (value === undefined || value === null || typeof value === 'boolean') return value;
  if (secretName.test(name)) return hidden;
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => redactItem(item, name));
  const all = /^(env|environment|envs|data|stringData)$/i.test(name);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, all ? hidden : redactValue(inner, key)]),
  );
}

/** `[{name, value}]`, `[{key, value}]` and `["NAME=value"]`. */
function redactItem(item: unknown, name: string): unknown {
  if (!/^(env|environment|envs)$/i.test(name)) return redactValue(item, name);
  if (typeof item === 'string') return `${item.split('=')[0] ?? ''}=${hidden}`;
  if (typeof item !== 'object' || item === null) return hidden;
  return Object.fromEntries(
    // Kubernetes has `name` and `value`, the runtime's interface `key` and `value`.
    Object.entries(item).map(([key, inner]) => [key, key === 'name' || key === 'key' ? inner : hidden]),
  );
}
