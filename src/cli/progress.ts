/**
 * Progress of long work, on stderr: counts in; a bar for a person who watches, or a line now and then in a log.
 *
 * Work that is done within a second shows nothing on a terminal, and within ten nothing in a log.
 */

import type { SingleBar } from "cli-progress";

const BAR_AFTER_MS = 1_000;
const LINE_EVERY_MS = 10_000;

export interface Progress {
  readonly update: (done: number, total: number) => void;
  /** Clears the bar; call it before anything else is printed, and always. */
  readonly stop: () => void;
}

export const NO_PROGRESS: Progress = { update: () => {}, stop: () => {} };

export interface ProgressOptions {
  /** What is counted: `proving` and `obligations`. */
  readonly doing: string;
  readonly things: string;
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

export function startProgress(options: ProgressOptions): Progress {
  return options.stream.isTTY === true ? startBar(options) : startLines(options);
}

function startBar({ doing, things, stream }: ProgressOptions): Progress {
  let [done, total, stopped] = [0, 0, false];
  let bar: SingleBar | undefined;
  const show = async (): Promise<void> => {
    const { default: progress } = await import("cli-progress");
    if (stopped) return;
    const format = `${doing} [{bar}] {value} of {total} ${things}`;
    bar = new progress.SingleBar({ format, stream, hideCursor: true, clearOnComplete: true, fps: 5, barsize: 30 });
    bar.start(total, done);
  };
  const timer = setTimeout(() => void show(), BAR_AFTER_MS);
  return {
    update: (newDone, newTotal) => {
      [done, total] = [newDone, newTotal];
      bar?.setTotal(total);
      bar?.update(done);
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      bar?.stop();
    },
  };
}

function startLines({ doing, things, stream }: ProgressOptions): Progress {
  let [done, total] = [0, 0];
  const timer = setInterval(() => void stream.write(`${doing}: ${done} of ${total} ${things}\n`), LINE_EVERY_MS);
  timer.unref();
  return {
    update: (newDone, newTotal) => {
      [done, total] = [newDone, newTotal];
    },
    stop: () => clearInterval(timer),
  };
}
