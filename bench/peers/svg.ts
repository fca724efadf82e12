/** The ratios of a run as a plot: how many times as long as tokitai's best each peer takes. */

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

interface Bar {
  readonly part: string;
  readonly work: string;
  readonly contender: string;
  readonly ratio: number;
}

export function plotOf(rows: readonly Bar[]): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const data = rows.map((row) => ({ ...row, label: `${row.part} ${row.work}` }));
  const plot = Plot.plot({
    document,
    width: 900,
    height: 40 + 16 * data.length,
    marginLeft: 260,
    x: { type: "log", label: "time, as a multiple of tokitai's best", grid: true },
    y: { label: null },
    fy: { label: null },
    color: { legend: false },
    marks: [
      Plot.ruleX([1]),
      Plot.dot(data, { x: "ratio", y: (row: Bar) => row.contender, fy: "label", fill: "contender", r: 4 }),
    ],
  });
  return plot.outerHTML;
}
