/** The text that `tokitai run` prints of a forward pass. */

import type { Forward } from "../moe/forward.ts";

const BAR_WIDTH = 30;

export function describeForward(source: string, runtime: string, { summary }: Forward): string {
  const { rows, predicted, load, largestDifference, boundThere, largestShareOfBound, outsideBound, elements } = summary;
  const lines = [`${rows} rows of ${source}, weights untrained, on ${runtime}`];
  for (const { head, classes } of predicted) {
    const chosen = Object.entries(classes).filter(([, count]) => count > 0);
    lines.push("", `predicted ${head}`, ...bars(chosen, rows));
  }
  lines.push("", "router's load (rows given to each expert)");
  lines.push(
    ...bars(
      load.map((count, expert) => [`expert ${expert}`, count] as const),
      rows,
    ),
  );
  lines.push(
    "",
    `largest difference from the float64 reference: ${largestDifference.toExponential(2)}, where the bound is ${boundThere.toExponential(2)}`,
    `largest share of its bound that any of ${elements} elements takes: ${(100 * largestShareOfBound).toFixed(2)} %`,
    `outside the bound: ${outsideBound}; rows whose choice of experts is uncertain in f32: ${summary.uncertainRows}`,
  );
  return lines.join("\n");
}

function bars(counts: readonly (readonly [string, number])[], total: number): readonly string[] {
  const width = Math.max(0, ...counts.map(([name]) => name.length));
  return counts.map(([name, count]) => {
    const length = total === 0 ? 0 : Math.round((BAR_WIDTH * count) / total);
    return `  ${name.padEnd(width)} ${String(count).padStart(6)} ${"█".repeat(length)}`;
  });
}
