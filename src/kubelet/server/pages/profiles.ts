import {Refusal} from '../auth/refusal.ts';

/** What `/debug/pprof` has here; Go's other profiles (heap, goroutine, …) are of another machine than this one's. */
export type Profile =
  | {readonly kind: 'index'}
  | {readonly kind: 'cmdline'}
  | {readonly kind: 'cpu'; readonly ms: number};

const mostSeconds = 300;

/** @throws Refusal 400 or 404, in the words of Go's net/http/pprof */
export function parseProfile(path: string, query: URLSearchParams): Profile {
  const name = path.replace(/^\/debug\/pprof\/?/, '');
  switch (name) {
    case '':
      return {kind: 'index'};
    case 'cmdline':
      return {kind: 'cmdline'};
    case 'profile': {
      // Go takes what is no number for the default too.
      const seconds = Number(query.get('seconds') ?? 0) || 30;
      if (seconds > 0 && seconds <= mostSeconds) return {kind: 'cpu', ms: seconds * 1000};
      throw new Refusal(400, 'profile duration exceeds the longest that is possible');
    }
    default:
      throw new Refusal(404, 'Unknown profile');
  }
}

export const profileIndex = `<html>
<head><title>/debug/pprof/</title></head>
<body>
<a href="profile?seconds=30">profile</a>: CPU, as V8 writes it (.cpuprofile)<br>
<a href="cmdline">cmdline</a>: the command line<br>
</body>
</html>
`;

/** @throws Refusal 400 */
export function parseVerbosity(body: string): number {
  if (/^\d{1,9}$/.test(body)) return Number(body);
  throw new Refusal(400, `strconv.ParseUint: parsing ${JSON.stringify(body)}: invalid syntax`);
}
