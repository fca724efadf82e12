/** The text that `tokitai diagnose` prints. */

import type { Confusion, Diagnosis } from "../moe/diagnose/diagnose.ts";

export function describeDiagnosis({ verdict, checks, confusion, router }: Diagnosis): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, verdict: own, fact, threshold, advice }) => [
    `${own.padEnd(7)}  ${name.padEnd(width)}  ${fact}`,
    ...(advice === undefined
      ? []
      : [
          `         ${" ".repeat(width)}  ${threshold.name}: warning ${threshold.warning}, fault ${threshold.fault}; ${advice}`,
        ]),
  ]);
  const sections = confusion.flatMap((one) => ["", ...describeConfusion(one)]);
  return [...lines, ...sections, "", `${router.rows} rows; verdict: ${verdict}`].join("\n");
}

/** The largest mistakes; the JSON and the HTML have all of them. */
const MISTAKES = 5;

function describeConfusion({ head, classes, counts, accuracy }: Confusion): readonly string[] {
  const mistakes = counts
    .flatMap((row, i) => row.map((count, j) => ({ i, j, count })))
    .filter(({ i, j, count }) => i !== j && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, MISTAKES);
  return [
    `${head}: accuracy ${accuracy.toFixed(4)}; most often taken for another:`,
    ...mistakes.map(({ i, j, count }) => `  ${String(count).padStart(5)}  ${classes[i]} → ${classes[j]}`),
  ];
}
