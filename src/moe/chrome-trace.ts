/**
 * The launches of programs as a trace: one call of each → the JSON object format of Chrome's traces, which Perfetto reads.
 *
 * Source: "Trace Event Format", Google. A program is a thread of one process, so that it is a track with its name; each track
 * begins at 0. Times are microseconds.
 */

import type { LaunchTime } from "../runtime/cpu/library.ts";

export interface TracedProgram {
  readonly program: string;
  readonly rows: number;
  readonly launches: readonly LaunchTime[];
}

const PROCESS = 1;

/** The text of the file; `name` is the library's. */
export function chromeTrace(name: string, programs: readonly TracedProgram[]): string {
  const traceEvents = [
    { name: "process_name", ph: "M", pid: PROCESS, tid: 0, args: { name: `tokitai ${name}` } },
    ...programs.flatMap(({ program, rows }, position) => {
      const track = { ph: "M", pid: PROCESS, tid: position + 1 };
      return [
        { name: "thread_name", ...track, args: { name: `${program}, B = ${rows}` } },
        { name: "thread_sort_index", ...track, args: { sort_index: position + 1 } },
      ];
    }),
    ...programs.flatMap(({ launches }, position) => eventsOf(launches, position + 1)),
  ];
  return `${JSON.stringify({ traceEvents, displayTimeUnit: "ns" })}\n`;
}

function eventsOf(launches: readonly LaunchTime[], tid: number): readonly object[] {
  const origin = Math.min(...launches.map(({ begin }) => begin));
  // Ends are rounded as beginnings are, so that a launch that began after another has ended still does.
  const at = (seconds: number): number => Math.round((seconds - origin) * 1e9);
  return launches
    .toSorted((a, b) => a.begin - b.begin)
    .map(({ label, part, kernel, begin, end }) => ({
      name: label,
      cat: part ?? "program",
      ph: "X",
      ts: at(begin) / 1e3,
      dur: (at(end) - at(begin)) / 1e3,
      pid: PROCESS,
      tid,
      args: { kernel },
    }));
}
