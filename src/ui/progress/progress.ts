import {Listr, ListrLogger, ProcessOutput} from 'listr2';

/** What happens while something takes long; a join's events fit it. */
export type ProgressEvent =
  | {readonly kind: 'phase'; readonly phase: string; readonly title: string}
  | {readonly kind: 'act' | 'wait'; readonly phase: string; readonly text: string}
  | {
      readonly kind: 'finding';
      readonly phase: string;
      readonly finding: {
        readonly code: string;
        readonly severity: string;
        readonly message: string;
        readonly next: readonly string[];
      };
    }
  | {readonly kind: 'done'; readonly phase: string; readonly acts: number; readonly ms: number};

export type Progress = {
  readonly onEvent: (event: ProgressEvent) => void;
  /** Everything has been said; with an error the step that ran is shown as failed. */
  end(error?: unknown): Promise<void>;
};

/** Drawn on a terminal, one line per event elsewhere; always on stderr, so that stdout stays the answer's. */
export function showProgress(out: NodeJS.WriteStream = process.stderr): Progress {
  return out.isTTY ? drawn(out) : lines(out);
}

function lines(out: NodeJS.WriteStream): Progress {
  let last = '';
  const say = (line: string): void => {
    // A wait is told once, not at each look.
    if (line !== last) out.write(`${line}\n`);
    last = line;
  };
  return {
    onEvent: (event) => say(lineOf(event)),
    end: async () => undefined,
  };
}

function lineOf(event: ProgressEvent): string {
  switch (event.kind) {
    case 'phase':
      return `${event.phase}: ${event.title}`;
    case 'act':
      return `  ${event.text}`;
    case 'wait':
      return `  … ${event.text}`;
    case 'finding': {
      const {code, severity, message, next} = event.finding;
      return [`  ${severity} ${code}: ${message}`, ...next.map((line) => `    try: ${line}`)].join('\n');
    }
    case 'done':
      return `  ${event.phase} done: ${changes(event.acts)}, ${seconds(event.ms)}`;
  }
}

function changes(count: number): string {
  return count === 0 ? 'nothing to change' : `${count} ${count === 1 ? 'change' : 'changes'}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

type Step = {
  readonly done: PromiseWithResolvers<void>;
  say: (text: string) => void;
  rename: (title: string) => void;
};

/** listr2 wants its tasks beforehand; a step is added when it begins and ends when its event says so. */
function drawn(out: NodeJS.WriteStream): Progress {
  const logger = new ListrLogger({processOutput: new ProcessOutput(out, out)});
  const notes: string[] = [];
  let running: Promise<unknown> = Promise.resolve();
  let current: {step: Step; title: string} | undefined;
  const begin = (title: string): void => {
    const step: Step = {done: Promise.withResolvers(), say: () => undefined, rename: () => undefined};
    current = {step, title};
    const list = new Listr(
      [
        {
          title,
          task: (_, task) => {
            step.say = (text) => {
              task.output = text;
            };
            step.rename = (text) => {
              task.title = text;
            };
            return step.done.promise;
          },
        },
      ],
      {rendererOptions: {logger, collapseErrors: true, showErrorMessage: false}, exitOnError: false},
    );
    running = running.then(() => list.run()).catch(() => undefined);
  };
  return {
    onEvent(event) {
      if (event.kind === 'phase') begin(event.title);
      else if (event.kind === 'finding') notes.push(lineOf(event));
      else if (event.kind === 'done') finish(current, event);
      else current?.step.say(event.text);
    },
    async end(error) {
      if (error === undefined) current?.step.done.resolve();
      else current?.step.done.reject(error);
      await running;
      for (const note of notes) out.write(`${note}\n`);
    },
  };
}

function finish(
  current: {step: Step; title: string} | undefined,
  event: Extract<ProgressEvent, {kind: 'done'}>,
): void {
  current?.step.rename(`${current.title} (${changes(event.acts)}, ${seconds(event.ms)})`);
  current?.step.done.resolve();
}
