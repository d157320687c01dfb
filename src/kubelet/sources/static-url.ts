import {parseStaticPods} from '../../config/pod/static-pod.ts';
import {fetchText} from '../../edges/http/http.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {type Clock, microTimestamp} from '../../lib/time.ts';
import {startPeriodic} from '../periodic.ts';
import {type StaticSource, type StaticSourceOptions, startStaticSource} from './static.ts';

export type StaticSourcesOptions = StaticSourceOptions & {
  /** '': none. */
  readonly url: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly urlEveryMs: number;
};

type UrlOptions = Omit<StaticSourcesOptions, 'directory' | 'everyMs'> & {
  readonly clock: Clock;
  readonly log: Logger;
};

const timeoutMs = 10_000;
const maxBytes = 10 * 1024 * 1024;
/** Failures in a row that are told; a server that is down for a night fills no disk. */
const toldFailures = 3;

/** Static pods from files and from a URL, as one list. */
export function startStaticSources(options: StaticSourcesOptions): StaticSource {
  let files: readonly Pod[] = [];
  let fetched: readonly Pod[] = [];
  const changed = () => options.onPods([...files, ...fetched]);
  const fromFiles = startStaticSource({
    ...options,
    onPods(pods) {
      files = pods;
      changed();
    },
  });
  const fromUrl = startUrlSource({
    ...options,
    onPods(pods) {
      fetched = pods;
      changed();
    },
  });
  return {
    hasSynced: () => fromFiles.hasSynced() && fromUrl.hasSynced(),
    stop() {
      fromFiles.stop();
      fromUrl.stop();
    },
  };
}

/** What cannot be read changes nothing (pkg/kubelet/config, http.go). */
function startUrlSource(options: UrlOptions): StaticSource {
  if (options.url === '') return {hasSynced: () => true, stop: () => undefined};
  const {url, headers, clock, log, nodeName, onPods, urlEveryMs} = options;
  let last: string | undefined;
  let synced = false;
  let failures = 0;
  const periodic = startPeriodic({clock, firstMs: 0, everyMs: urlEveryMs}, async () => {
    try {
      const text = await fetchText(url, {headers, timeoutMs, maxBytes});
      failures = 0;
      if (text === last) return;
      const pods = text === '' ? [] : parseStaticPods(text, url, nodeName, microTimestamp(clock.now()));
      last = text;
      synced = true;
      onPods(pods);
    } catch (error) {
      const say = failures++ < toldFailures ? log.warn : log.debug;
      say('static pods cannot be fetched', {url, error: describeError(error)});
    }
  });
  return {hasSynced: () => synced, stop: () => void periodic.stop()};
}
