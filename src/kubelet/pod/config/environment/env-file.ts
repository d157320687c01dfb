/** What is wrong with an environment file, with the line it is on. */
export class EnvFileError extends Error {}

/**
 * The value of a variable in an environment file; undefined where there is none. Values are in single quotes and may go
 * over lines; there are no escapes and no expansions (pkg/kubelet/util/env).
 * @throws EnvFileError up to the line of the variable; what follows it is not looked at
 */
export function envFileValue(text: string, key: string): string | undefined {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  for (let at = 0; at < lines.length; at++) {
    const line = (lines[at] ?? '').replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const {name, value} = assignment(line, at + 1);
    // A blank ends the assignment before it has begun, as in a shell.
    if (/^[ \t]/.test(value)) {
      if (name === key) return undefined;
      continue;
    }
    const quoted = closed(lines, at, value);
    if (name === key) return quoted.value === '' ? undefined : quoted.value;
    at = quoted.lastLine;
  }
  return undefined;
}

function assignment(line: string, number: number): {name: string; value: string} {
  const equals = line.indexOf('=');
  if (equals < 0) throw wrong(number, "missing '='");
  const name = line.slice(0, equals);
  if (name.trim() === '') throw wrong(number, 'empty variable name');
  if (/[ \t]$/.test(name)) throw wrong(number, "whitespace before '=' is not allowed");
  return {name, value: line.slice(equals + 1)};
}

/** The text between the quotes, which may end some lines further on. */
function closed(lines: readonly string[], first: number, start: string): {value: string; lastLine: number} {
  if (!start.startsWith("'")) throw wrong(first + 1, 'value must be enclosed in single quotes');
  let value = '';
  let rest = start.slice(1);
  for (let at = first; ; ) {
    const end = rest.indexOf("'");
    if (end >= 0) {
      const after = rest.slice(end + 1).replace(/^[ \t]+/, '');
      if (after !== '' && !after.startsWith('#'))
        throw wrong(at + 1, 'unexpected content after closing quote');
      return {value: value + rest.slice(0, end), lastLine: at};
    }
    value += `${rest}\n`;
    at++;
    // The text ends with a line break: what comes after it is no line.
    if (at >= lines.length || (at === lines.length - 1 && lines[at] === ''))
      throw new EnvFileError(
        `invalid environment variable format starting at line ${first + 1}: unclosed single quote`,
      );
    rest = lines[at] ?? '';
  }
}

function wrong(line: number, what: string): EnvFileError {
  return new EnvFileError(`invalid environment variable format at line ${line}: ${what}`);
}
