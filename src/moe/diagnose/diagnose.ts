/**
 * Diagnosis of a trained model: its weights on rows of data, and the metrics of its run → one verdict per check.
 *
 * - Router: load per expert, entropy of the mean and mean entropy, how many rows choose the same experts, margin.
 * - Gradients: the norm of each path over the steps, and now.
 * - Agreement: the built library's forward and backward pass beside the float64 reference, tensor by tensor, so that a wrong
 *   path is named.
 * - Confusion: which classes are taken for which, per head.
 */

import { agrees } from "../../ir/tensor/error-model.ts";
import { evaluateProgram } from "../../ir/tensor/evaluate.ts";
import type { TensorProgram } from "../../ir/tensor/types.ts";
import type { CpuLibrary } from "../../runtime/cpu/library.ts";
import { InternalError } from "../../support/result.ts";
import type { Journal } from "../metrics.ts";
import type { MoeConfig } from "../sizes.ts";
import type { TrainingData } from "../train/data.ts";
import { evaluateRows } from "../train/evaluate.ts";
import { isMoment, type TrainingState } from "../train/state.ts";
import { aboveIsWorse, belowIsWorse, THRESHOLDS, type ThresholdName, type Verdict } from "./thresholds.ts";

export interface Check {
  /** What is looked at: `load`, `entropy`, … */
  readonly name: string;
  readonly verdict: Verdict;
  /** The number, what it is, and what it is held against. */
  readonly fact: string;
  readonly value: number | null;
  readonly threshold: { readonly name: ThresholdName; readonly warning: number; readonly fault: number };
  /** What to do about it; absent where nothing is to be done. */
  readonly advice?: string;
}

export interface Confusion {
  readonly head: string;
  readonly classes: readonly string[];
  /** Rows by true class, then predicted class. */
  readonly counts: readonly (readonly number[])[];
  readonly accuracy: number;
}

export interface Diagnosis {
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
  /** Over the rows that are looked at. */
  readonly router: {
    readonly rows: number;
    readonly load: readonly number[];
    readonly entropyOfMean: number;
    readonly meanEntropy: number;
    readonly margin: number;
    readonly commonChoice: number;
  };
  readonly confusion: readonly Confusion[];
  /** One point per step, thinned out to a few hundred. */
  readonly history: readonly HistoryPoint[];
}

export interface HistoryPoint {
  readonly step: number;
  readonly loss: number | null;
  readonly load: readonly number[];
  readonly entropyOfMean: number | null;
  readonly meanEntropy: number | null;
  readonly margin: number | null;
  readonly routerNorm: number | null;
  readonly expertNorm: number | null;
}

export interface DiagnosisRequest {
  readonly library: CpuLibrary;
  readonly config: MoeConfig;
  readonly data: TrainingData;
  readonly state: TrainingState;
  readonly programs: readonly TensorProgram[];
  readonly journal: Journal;
  /** The rows that the router and the confusion are looked at on. */
  readonly rows: Int32Array;
  /** How many of them go through the float64 reference too. */
  readonly sample: number;
}

const HISTORY_POINTS = 400;

export function diagnose(request: DiagnosisRequest): Diagnosis {
  const { journal, config } = request;
  const router = lookAtRouter(request);
  const checks = [...routerChecks(router, config), ...normChecks(journal), ...agreementChecks(request)];
  const verdicts = checks.map(({ verdict }) => verdict);
  return {
    verdict: verdicts.includes("fault") ? "fault" : verdicts.includes("warning") ? "warning" : "ok",
    checks,
    router,
    confusion: confusionOf(request),
    history: historyOf(journal),
  };
}

function check(
  name: string,
  threshold: ThresholdName,
  value: number,
  judge: typeof aboveIsWorse,
  fact: string,
  advice: string,
): Check {
  const verdict = judge(threshold, value);
  return {
    name,
    verdict,
    fact,
    value: Number.isFinite(value) ? value : null,
    threshold: { name: threshold, ...THRESHOLDS[threshold] },
    ...(verdict !== "ok" && { advice }),
  };
}

function lookAtRouter({ library, config, data, state, rows }: DiagnosisRequest): Diagnosis["router"] {
  const { experts, outcomes, actions } = config;
  const x = rowsOf(data, rows);
  const results = {
    y: new Float32Array(rows.length * (outcomes + actions)),
    probabilities: new Float32Array(rows.length * experts),
    weights: new Float32Array(rows.length * experts),
  };
  library.call("moe_forward", { tensors: { x, ...weightsOf(state), ...results }, dims: { B: rows.length } });
  const { probabilities, weights } = results;
  const load = new Array<number>(experts).fill(0);
  const mean = new Array<number>(experts).fill(0);
  const choices = new Map<string, number>();
  let [entropy, margin] = [0, 0];
  for (let b = 0; b < rows.length; b++) {
    const p = probabilities.subarray(b * experts, (b + 1) * experts);
    const chosen = [...weights.subarray(b * experts, (b + 1) * experts).entries()].filter(([, w]) => w !== 0);
    for (const [e] of chosen) load[e] = (load[e] ?? 0) + 1;
    for (const [e, value] of p.entries()) mean[e] = (mean[e] ?? 0) + value / rows.length;
    const choice = chosen.map(([e]) => e).join();
    choices.set(choice, (choices.get(choice) ?? 0) + 1);
    entropy += entropyOf(p) / rows.length;
    const sorted = [...p].sort((a, b2) => b2 - a);
    margin += ((sorted[0] ?? 0) - (sorted[1] ?? 0)) / rows.length;
  }
  return {
    rows: rows.length,
    load,
    entropyOfMean: entropyOf(mean),
    meanEntropy: entropy,
    margin,
    commonChoice: Math.max(0, ...choices.values()) / rows.length,
  };
}

function entropyOf(p: Iterable<number>): number {
  let sum = 0;
  for (const value of p) sum += value > 0 ? -value * Math.log(value) : 0;
  return sum;
}

function routerChecks(router: Diagnosis["router"], { experts, chosen }: MoeConfig): readonly Check[] {
  const { load, rows, margin, commonChoice, meanEntropy } = router;
  const even = (rows * chosen) / experts;
  const least = Math.min(...load) / even;
  const dead = load.flatMap((count, e) => (count / even < THRESHOLDS.leastLoad.fault ? [e] : []));
  const names = dead.length > 0 ? `; as good as dead: expert ${dead.join(", ")}` : "";
  const share = experts > 1 ? router.entropyOfMean / Math.log(experts) : 1;
  const checks = [
    check(
      "load",
      "leastLoad",
      experts === chosen ? 1 : least,
      belowIsWorse,
      `rows per expert ${load.join(", ")} of ${rows}, the least ${percent(least)} of an even share${names}`,
      "raise training.balance, or train anew with another seed",
    ),
    check(
      "entropy",
      "entropyOfMean",
      share,
      belowIsWorse,
      `entropy of the mean probabilities ${router.entropyOfMean.toFixed(3)} of ln ${experts} = ${Math.log(experts).toFixed(3)}, mean entropy of a row ${meanEntropy.toFixed(3)}`,
      "the router gives most rows to few experts: raise training.balance",
    ),
    check(
      "margin",
      "margin",
      experts > 1 ? margin : 1,
      belowIsWorse,
      `largest probability less the second largest: ${margin.toFixed(4)} in the mean`,
      "rows hardly prefer one expert to another: lower training.z, or train longer",
    ),
  ];
  if (experts === chosen) return checks;
  return [
    ...checks,
    check(
      "choice",
      "commonChoice",
      commonChoice,
      aboveIsWorse,
      `${percent(commonChoice)} of the rows choose the same experts`,
      "the router has collapsed: it does not tell rows apart; raise training.balance, or lower the learning rate",
    ),
  ];
}

const PATHS = ["router_path", "expert_path"] as const;

/** The last tenth of the steps beside the median of those before; with few steps there is nothing to compare. */
function normChecks({ steps }: Journal): readonly Check[] {
  if (steps.length === 0) return [];
  const late = Math.max(1, Math.floor(steps.length / 10));
  return PATHS.flatMap((path): readonly Check[] => {
    const norms = steps.map(({ norms: both }) => both[path] ?? Number.POSITIVE_INFINITY);
    const [before, last] = [norms.slice(0, -late), norms.slice(-late)];
    const [largest, smallest] = [Math.max(...last), Math.min(...last)];
    const name = path === "router_path" ? "router path" : "expert path";
    const size = check(
      `norm of the ${name}`,
      "norm",
      largest,
      aboveIsWorse,
      `gradient norm of the ${name} up to ${show(largest)} in the last ${late} steps`,
      "lower the learning rate, or training.maxNorm",
    );
    const median = [...before].sort((a, b) => a - b)[Math.floor(before.length / 2)];
    if (median === undefined || !(median > 0)) return [size];
    return [
      size,
      check(
        `growth of the ${name}`,
        "normGrowth",
        largest / median,
        aboveIsWorse,
        `gradient norm of the ${name} up to ${show(largest)} in the last ${late} steps, ${show(largest / median)} times the median before`,
        "the run is about to diverge: lower the learning rate, or lengthen the warm-up",
      ),
      check(
        `decay of the ${name}`,
        "normDecay",
        smallest / median,
        belowIsWorse,
        `gradient norm of the ${name} down to ${show(smallest)}, ${show(smallest / median)} times the median before`,
        "this path no longer learns: look at the load and the entropies",
      ),
    ];
  });
}

/** The library's forward and backward pass beside the reference, on the first rows of the sample. */
function agreementChecks({ library, config, data, state, programs, rows, sample }: DiagnosisRequest): readonly Check[] {
  const some = rows.subarray(0, sample);
  const x = rowsOf(data, some);
  const given = new Map<string, Float32Array>([["x", x], ...Object.entries(weightsOf(state))]);
  const stacked = new Map<string, Float32Array>([["x", x], ...[...state.stacked].filter(([name]) => !isMoment(name))]);
  const dy = Float32Array.from(
    { length: some.length * (config.outcomes + config.actions) },
    (_, i) => ((i * 37) % 41) / 41 - 0.5,
  );
  const compare = (name: string, inputs: ReadonlyMap<string, Float32Array>): ReadonlyMap<string, number> => {
    const program = programs.find((one) => one.name === name);
    if (program === undefined) throw new InternalError(`the model has no program ${name}`);
    const reference = evaluateProgram(program, { B: some.length }, inputs);
    const outputs = Object.fromEntries(
      [...reference.outputs].map(([output, { values }]) => [
        output,
        output === "ids" ? new Int32Array(values.length) : new Float32Array(values.length),
      ]),
    );
    library.call(name, { tensors: { ...Object.fromEntries(inputs), ...outputs }, dims: { B: some.length } });
    return new Map(
      [...reference.outputs].map(([output, { values, bound }]) => {
        const actual = outputs[output] ?? new Float32Array(0);
        return [output, actual.filter((value, i) => !agrees(value, values[i] ?? 0, bound[i] ?? 0)).length];
      }),
    );
  };
  const forward = compare("moe_forward", given);
  const sparse = compare("moe_sparse_forward", stacked);
  const backward = compare("moe_backward", new Map([...given, ["dy", dy]]));
  const agreement = (name: string, counts: ReadonlyMap<string, number>, wanted: (output: string) => boolean): Check => {
    const own = [...counts].filter(([output]) => wanted(output));
    const outside = own.reduce((sum, [, count]) => sum + count, 0);
    const worst = own.filter(([, count]) => count > 0).map(([output]) => output);
    const list = worst.length === 0 ? "" : ` (${worst.slice(0, 4).join(", ")}${worst.length > 4 ? ", …" : ""})`;
    return check(
      name,
      "outsideBound",
      outside,
      aboveIsWorse,
      `${name} on ${some.length} rows: ${outside} elements outside the bounds of the float64 reference${list}`,
      "the built library does not compute the model: build it again from models/moe.ts",
    );
  };
  return [
    agreement("forward pass", forward, () => true),
    // Which experts are chosen can differ where their probabilities are as close as rounding; what they give is within its bound.
    agreement("sparse forward pass", sparse, (output) => output === "y" || output === "probabilities"),
    agreement("router path", backward, (output) => output.startsWith("d.router.")),
    agreement("expert path", backward, (output) => output.startsWith("d.experts.")),
    agreement("gradient of x", backward, (output) => output === "d.x"),
  ];
}

function confusionOf({ library, config, data, state, rows }: DiagnosisRequest): readonly Confusion[] {
  const { predictions, accuracy } = evaluateRows(library, config, data, state, rows);
  return data.heads.map(({ name, classes, values }, head) => {
    const counts = classes.map(() => new Array<number>(classes.length).fill(0));
    for (const [i, row] of rows.entries()) {
      const own = counts[values[row] ?? 0];
      const predicted = predictions[head === 0 ? 0 : 1][i] ?? 0;
      if (own !== undefined) own[predicted] = (own[predicted] ?? 0) + 1;
    }
    return { head: name, classes, counts, accuracy: accuracy[head === 0 ? 0 : 1] };
  });
}

function historyOf({ steps }: Journal): readonly HistoryPoint[] {
  const every = Math.max(1, Math.ceil(steps.length / HISTORY_POINTS));
  return steps
    .filter((_, i) => i % every === 0 || i === steps.length - 1)
    .map(({ step, loss, load, entropyOfMean, meanEntropy, margin, norms }) => ({
      ...{ step, loss, load, entropyOfMean, meanEntropy, margin },
      routerNorm: norms.router_path,
      expertNorm: norms.expert_path,
    }));
}

function rowsOf({ x, width }: TrainingData, rows: Int32Array): Float32Array {
  const found = new Float32Array(rows.length * width);
  for (const [b, row] of rows.entries()) found.set(x.subarray(row * width, (row + 1) * width), b * width);
  return found;
}

function weightsOf(state: TrainingState): Readonly<Record<string, Float32Array>> {
  return Object.fromEntries([...state.parts].filter(([name]) => !isMoment(name)));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function show(value: number): string {
  return value >= 1e4 || value < 1e-3 ? value.toExponential(2) : value.toPrecision(3);
}
