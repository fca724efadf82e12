/** How long a program of a CPU library takes, and which of its kernels take how much of it. */

import type { CpuLibrary, LaunchTime } from "../runtime/cpu/library.ts";
import { programFlops } from "./accounting.ts";
import type { MoeConfig } from "./sizes.ts";
import type { Synthetic } from "./synthetic.ts";

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spreadOf(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
  return { median, least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
}

export interface KernelShare {
  readonly kernel: string;
  readonly launches: number;
  /** Of all its launches in one call. */
  readonly seconds: number;
  /** Of the time in all launches of the call, 0 to 1. */
  readonly share: number;
}

export interface Measured {
  readonly program: string;
  readonly rows: number;
  readonly runs: number;
  /** Seconds per call. */
  readonly seconds: Spread;
  /** Floating-point operations of a call, of programs for which they are counted. */
  readonly operations?: number;
  /** Of one call: that of median length of as many again. */
  readonly kernels: readonly KernelShare[];
  readonly launches: readonly LaunchTime[];
}

/**
 * Calls that do not count: threads are started, tensors and code brought into the caches. A system that has just woken a thread may
 * leave it on its waker's core for some tens of milliseconds, and so long calls take as if there were one.
 */
const WARM_CALLS = 2;
const WARM_MS = 200;

/** Times `runs` calls, at least one, and then notes the launches of as many. */
export function measureProgram(
  library: Pick<CpuLibrary, "call" | "trace">,
  program: string,
  { args, advance }: Synthetic,
  { config, rows, runs }: { readonly config: MoeConfig; readonly rows: number; readonly runs: number },
): Measured {
  const call = (): number => {
    advance();
    const start = performance.now();
    library.call(program, args);
    return (performance.now() - start) / 1e3;
  };
  const begun = performance.now();
  for (let calls = 0; calls < WARM_CALLS || performance.now() - begun < WARM_MS; calls++) call();
  const samples = Array.from({ length: runs }, call);
  const traces = Array.from({ length: runs }, () => {
    advance();
    return library.trace(program, args);
  });
  const sorted = traces.sort((a, b) => lengthOf(a) - lengthOf(b));
  const launches = sorted[Math.floor((runs - 1) / 2)] ?? [];
  const operations = programFlops(program, config, BigInt(rows));
  return {
    program,
    rows,
    runs,
    seconds: spreadOf(samples),
    ...(operations !== undefined && { operations: Number(operations) }),
    kernels: sharesOf(launches),
    launches,
  };
}

function lengthOf(launches: readonly LaunchTime[]): number {
  return (launches.at(-1)?.end ?? 0) - (launches[0]?.begin ?? 0);
}

/** By kernel, those that take longest first. */
function sharesOf(launches: readonly LaunchTime[]): readonly KernelShare[] {
  const kernels = new Map<string, { launches: number; seconds: number }>();
  for (const { kernel, begin, end } of launches) {
    const { launches: count, seconds } = kernels.get(kernel) ?? { launches: 0, seconds: 0 };
    kernels.set(kernel, { launches: count + 1, seconds: seconds + end - begin });
  }
  const whole = [...kernels.values()].reduce((sum, { seconds }) => sum + seconds, 0);
  return [...kernels]
    .map(([kernel, found]) => ({ kernel, ...found, share: whole === 0 ? 0 : found.seconds / whole }))
    .sort((a, b) => b.seconds - a.seconds);
}
