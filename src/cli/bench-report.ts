/** What `tokitai bench` prints: for a person a line and a table of kernels for each program, or JSON with the same numbers. */

import Table from "cli-table3";
import type { Measured } from "../moe/measure.ts";

/** Kernels that have a line of their own. */
const SHOWN = 10;

export function describeBench(name: string, runtime: string, programs: readonly Measured[]): string {
  const rate = programs.some(({ operations }) => operations !== undefined);
  const summary = table(
    ["program", "rows", "ms, median", "least", "most", ...(rate ? ["GFLOP/s"] : [])],
    programs.map((measured) => {
      const { program, rows, seconds } = measured;
      const times = [seconds.median, seconds.least, seconds.most].map((value) => figures(value * 1e3));
      return [program, String(rows), ...times, ...(rate ? [rateOf(measured)?.toFixed(1) ?? ""] : [])];
    }),
    1,
  );
  const [first] = programs;
  return [
    `${name} on ${runtime}, ${first?.runs ?? 0} runs of each program, made-up inputs`,
    summary,
    ...programs.flatMap(({ program, launches, kernels }) => [
      "",
      `${program}: ${launches.length} launches of ${kernels.length} kernels, in the call of median length`,
      kernelTable(kernels),
    ]),
  ].join("\n");
}

export function benchJson(name: string, runtime: string, programs: readonly Measured[]): string {
  return JSON.stringify(
    {
      library: name,
      runtime,
      programs: programs.map((measured) => {
        const { program, rows, runs, seconds, kernels } = measured;
        const rate = rateOf(measured);
        return {
          program,
          rows,
          runs,
          ms: { median: seconds.median * 1e3, least: seconds.least * 1e3, most: seconds.most * 1e3 },
          ...(rate !== undefined && { gflops: rate }),
          kernels: kernels.map(({ kernel, launches, seconds: took, share }) => ({
            kernel,
            launches,
            us: took * 1e6,
            share,
          })),
        };
      }),
    },
    undefined,
    2,
  );
}

function rateOf({ operations, seconds }: Measured): number | undefined {
  return operations === undefined ? undefined : operations / seconds.median / 1e9;
}

function kernelTable(kernels: Measured["kernels"]): string {
  const [shown, rest] = [kernels.slice(0, SHOWN), kernels.slice(SHOWN)];
  const others = {
    kernel: `${rest.length} ${rest.length === 1 ? "other" : "others"}`,
    launches: rest.reduce((sum, { launches }) => sum + launches, 0),
    seconds: rest.reduce((sum, { seconds }) => sum + seconds, 0),
    share: rest.reduce((sum, { share }) => sum + share, 0),
  };
  return table(
    ["kernel", "launches", "µs", "share"],
    [...shown, ...(rest.length > 0 ? [others] : [])].map(({ kernel, launches, seconds, share }) => [
      kernel,
      String(launches),
      (seconds * 1e6).toFixed(1),
      `${(share * 100).toFixed(1)} %`,
    ]),
    1,
  );
}

function figures(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** `named` columns of names, then numbers. */
function table(head: readonly string[], rows: readonly (readonly string[])[], named: number): string {
  const shown = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, column) => (column < named ? "left" : "right")),
  });
  shown.push(...rows.map((row) => [...row]));
  return shown.toString();
}
