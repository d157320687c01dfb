/**
 * `$(NAME)` references as Kubernetes expands them (third_party/forked/golang/expansion): `$$` is a dollar sign, an
 * unknown or unfinished reference stays as it is written, and what was put in is not expanded again.
 */
export function expand(input: string, lookup: (name: string) => string | undefined): string {
  let output = '';
  for (let at = 0; at < input.length; at++) {
    const next = input[at + 1];
    if (input[at] !== '$' || next === undefined) output += input[at];
    else if (next === '(') {
      const end = input.indexOf(')', at + 2);
      if (end === -1) {
        output += '$(';
        at++;
        continue;
      }
      const name = input.slice(at + 2, end);
      output += lookup(name) ?? `$(${name})`;
      at = end;
    } else {
      output += next === '$' ? '$' : `$${next}`;
      at++;
    }
  }
  return output;
}
