/**
 * The diagnosis as one HTML page: verdicts, plots as SVG, and a table behind each, with nothing to be loaded from elsewhere.
 *
 * Plots are drawn here, by Observable Plot on a document of linkedom's. Colours follow the reader's light or dark scheme.
 */

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Check, Confusion, Diagnosis, HistoryPoint } from "./diagnose.ts";

/** `title` names the run; it is escaped like every other text. */
export function renderDiagnosisPage(title: string, diagnosis: Diagnosis): string {
  const { history, router, confusion } = diagnosis;
  const experts = router.load.map((_, e) => `expert ${e}`);
  const perExpert = history.flatMap(({ step, load }) => {
    const total = load.reduce((sum, count) => sum + count, 0);
    return load.map((count, e): Point => ({ step, series: experts[e] ?? "", value: total === 0 ? 0 : count / total }));
  });
  const series = (names: Readonly<Record<string, (point: HistoryPoint) => number | null>>): readonly Point[] =>
    history.flatMap((point) =>
      Object.entries(names).flatMap(([name, value]) => {
        const found = value(point);
        return found === null ? [] : [{ step: point.step, series: name, value: found }];
      }),
    );
  const figures = [
    figure("load", "Load per expert over time", "share of the batch's assignments", perExpert),
    figure(
      "entropy",
      "Entropy of the router",
      "nats",
      series({ "of the mean": (p) => p.entropyOfMean, "mean of the rows": (p) => p.meanEntropy }),
    ),
    figure("margin", "Margin", "largest probability less the second", series({ margin: (p) => p.margin })),
    figure(
      "norms",
      "Gradient norm per path, before clipping",
      "norm (logarithmic)",
      series({ "router path": (p) => p.routerNorm, "expert path": (p) => p.expertNorm }).filter(
        ({ value }) => value > 0,
      ),
      true,
    ),
    figure("loss", "Loss", "mean over the batch", series({ loss: (p) => p.loss })),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${escaped(title)}: diagnosis</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p class="verdict ${diagnosis.verdict}" role="status">Verdict: ${diagnosis.verdict}</p>
<h2>Checks</h2>
<div class="wide"><table>
<thead><tr><th scope="col">check</th><th scope="col">verdict</th><th scope="col">what was found</th><th scope="col">thresholds</th></tr></thead>
<tbody>
${diagnosis.checks.map(checkRow).join("\n")}
</tbody></table></div>
${figures.join("\n")}
${confusion.map(confusionSection).join("\n")}
<p class="note">Router and confusion: ${router.rows} rows. One point per step in the plots, thinned out where there are many.</p>
</main>
</body>
</html>
`;
}

interface Point {
  readonly step: number;
  readonly series: string;
  readonly value: number;
}

function checkRow({ name, verdict, fact, threshold, advice }: Check): string {
  const found = `${escaped(fact)}${advice === undefined ? "" : `<br><strong>${escaped(advice)}</strong>`}`;
  const limits = `${threshold.name}: warning ${threshold.warning}, fault ${threshold.fault}`;
  return `<tr><th scope="row">${escaped(name)}</th><td class="${verdict}">${verdict}</td><td>${found}</td><td>${escaped(limits)}</td></tr>`;
}

function figure(id: string, title: string, unit: string, points: readonly Point[], logarithmic = false): string {
  const heading = `<h2 id="${id}">${escaped(title)}</h2>`;
  if (points.length === 0) return `<section>${heading}<p class="note">No steps were recorded.</p></section>`;
  const { document } = parseHTML("<html><body></body></html>");
  const names = [...new Set(points.map((point) => point.series))];
  const plot = Plot.plot({
    document,
    width: 720,
    height: 260,
    marginLeft: 56,
    ariaLabel: title,
    ariaDescription: `${names.join(", ")} by step; the table below has the numbers`,
    x: { label: "step", grid: true },
    y: { label: unit, grid: true, ...(logarithmic && { type: "log" as const }) },
    color: { domain: names, range: names.map((_, i) => `var(--series-${i % SERIES})`) },
    marks: [Plot.lineY([...points], { x: "step", y: "value", stroke: "series", strokeWidth: 1.5 })],
  });
  const legend = names
    .map(
      (name, i) => `<li><span class="key" style="background: var(--series-${i % SERIES})"></span>${escaped(name)}</li>`,
    )
    .join("");
  return `<section>${heading}
<figure><div class="wide">${plot.outerHTML}</div><figcaption><ul class="legend">${legend}</ul></figcaption></figure>
${pointTable(title, names, points)}</section>`;
}

/** At most this many rows of numbers stand behind a plot. */
const TABLE_ROWS = 25;

function pointTable(title: string, names: readonly string[], points: readonly Point[]): string {
  const steps = [...new Set(points.map(({ step }) => step))];
  const every = Math.max(1, Math.ceil(steps.length / TABLE_ROWS));
  const byKey = new Map(points.map(({ step, series, value }) => [`${step} ${series}`, value]));
  const rows = steps
    .filter((_, i) => i % every === 0 || i === steps.length - 1)
    .map((step) => {
      const cells = names.map((name) => `<td>${byKey.get(`${step} ${name}`)?.toPrecision(4) ?? ""}</td>`).join("");
      return `<tr><th scope="row">${step}</th>${cells}</tr>`;
    });
  const head = names.map((name) => `<th scope="col">${escaped(name)}</th>`).join("");
  return `<details><summary>Numbers: ${escaped(title)}</summary><div class="wide"><table>
<thead><tr><th scope="col">step</th>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></div></details>`;
}

/** Rows are true classes; a cell's depth is its share of the row. */
function confusionSection({ head, classes, counts, accuracy }: Confusion): string {
  const columns = classes.map((_, i) => `<th scope="col" title="${escaped(classes[i] ?? "")}">${i}</th>`).join("");
  const rows = counts.map((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count, j) => {
      const share = total === 0 ? 0 : count / total;
      return `<td class="cell${i === j ? " right" : ""}" style="--share: ${share.toFixed(3)}">${count}</td>`;
    });
    return `<tr><th scope="row">${i} ${escaped(classes[i] ?? "")}</th>${cells.join("")}</tr>`;
  });
  return `<section><h2>Confusion: ${escaped(head)}</h2>
<p>Accuracy ${accuracy.toFixed(4)}. A row is a true class, a column the predicted one.</p>
<div class="wide"><table class="confusion"><thead><tr><th scope="col">true class</th>${columns}</tr></thead><tbody>
${rows.join("\n")}
</tbody></table></div></section>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Colours of the series: those of Okabe and Ito (2008), told apart by most colour-blind readers. */
const SERIES = 8;
const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --line: #d0d7de; --ok: #116329; --warning: #7d4e00;
  --fault: #b3111e; --series-0: #0072b2; --series-1: #d55e00; --series-2: #009e73; --series-3: #cc79a7; --series-4: #56b4e9;
  --series-5: #e69f00; --series-6: #7a6f00; --series-7: #444444; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --line: #30363d; --ok: #56d364;
  --warning: #e3b341; --fault: #ff7b72; --series-0: #4da3dd; --series-6: #f0e442; --series-7: #bbbbbb; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 2rem 0 0.5rem; }
.verdict { font-weight: 600; font-size: 1.1rem; }
.ok { color: var(--ok); } .warning { color: var(--warning); } .fault { color: var(--fault); }
.wide { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: 0.875rem; } th, td { border: 1px solid var(--line); padding: 0.25rem 0.5rem;
  text-align: left; vertical-align: top; } td { font-variant-numeric: tabular-nums; }
figure { margin: 0; } figure svg { max-width: 100%; height: auto; background: transparent; color: var(--ink); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; padding: 0; margin: 0.25rem 0; }
.key { display: inline-block; width: 0.9rem; height: 0.9rem; margin-right: 0.35rem; vertical-align: -0.1rem; }
.cell { text-align: right; background: color-mix(in srgb, var(--series-0) calc(var(--share) * 60%), transparent); }
.right { outline: 2px solid var(--series-2); outline-offset: -2px; } .confusion { white-space: nowrap; }
.note { font-size: 0.875rem; } summary { cursor: pointer; }
`;
