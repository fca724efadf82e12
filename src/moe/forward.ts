/**
 * The forward pass on data: library + rows → predictions, the router's load, and the distance from the reference.
 *
 * Weights are the initial ones of the seed. The same weights go through the float64 reference evaluator, whose error
 * bound says how far an f32 result may be from it.
 */

import { join } from "node:path";
import { readPrograms } from "../compiler/frontend/model.ts";
import { packageRoot } from "../compiler/inputs.ts";
import type { Dataset } from "../data/encode-csv.ts";
import { agrees } from "../ir/tensor/error-model.ts";
import { evaluateProgram } from "../ir/tensor/evaluate.ts";
import type { TensorProgram } from "../ir/tensor/types.ts";
import type { Abi } from "../runtime/abi.ts";
import type { CallArguments } from "../runtime/cpu/arguments.ts";
import { error } from "../support/diagnostic.ts";
import { InternalError, ok, type Result, refuse } from "../support/result.ts";
import { initialWeights } from "./initialise.ts";
import { packWeights } from "./pack-weights.ts";
import type { MoeConfig } from "./sizes.ts";
import { stackWeights } from "./stack-weights.ts";

/** Whether every expert works on every row, or each on its own rows alone, from weights as they are or packed: one function. */
export type Form = "dense" | "sparse" | "packed";

const PROGRAMS: Readonly<Record<Form, string>> = {
  dense: "moe_forward",
  sparse: "moe_sparse_forward",
  packed: "moe_packed_forward",
};
const PACK = "moe_pack";

/** What runs programs by name: a library in this process, or one on a device. */
export interface Runner {
  readonly abi: Abi;
  /** May be a promise; then it is done when that is kept. */
  readonly call: (name: string, args: CallArguments) => unknown;
}

export interface Forward {
  readonly summary: ForwardSummary;
  /** Predicted class per row and head, as positions in the dataset's class lists. */
  readonly outcomes: Int32Array;
  readonly actions: Int32Array;
}

export interface ForwardSummary {
  readonly rows: number;
  /** How many rows each class was predicted for, by head. */
  readonly predicted: readonly { readonly head: string; readonly classes: Readonly<Record<string, number>> }[];
  /** Rows that the router gave to each expert; a row counts for each expert that it goes to. */
  readonly load: readonly number[];
  readonly largestDifference: number;
  /** The bound of the element with the largest difference, and the largest share of its bound that any element takes. */
  readonly boundThere: number;
  readonly largestShareOfBound: number;
  /** Elements of which the reference cannot say more than that they are uncertain. */
  readonly outsideBound: number;
  readonly uncertainRows: number;
  readonly elements: number;
}

/** TK561: the data does not fit the model; TK562: the library is not of this model. */
export async function runForward(
  library: Runner,
  config: MoeConfig,
  dataset: Dataset,
  seed: bigint,
  form: Form = "dense",
): Promise<Result<Forward>> {
  const [outcome, action] = dataset.labels;
  const fits =
    dataset.width === config.inputs &&
    outcome?.classes.length === config.outcomes &&
    action?.classes.length === config.actions;
  if (!fits || outcome === undefined || action === undefined) {
    const actual = `${dataset.width} features and labels of ${dataset.labels.map(({ classes }) => classes.length).join(" and ")} classes`;
    const expected = `${config.inputs} features and labels of ${config.outcomes} and ${config.actions} classes`;
    const message = `the data has ${actual}, and the model takes ${expected}`;
    return refuse(error("TK561", undefined, message, "choose a schema or a --config that fits"));
  }
  const programs = await readPrograms(join(packageRoot(), "models/moe.ts"), config, process.cwd());
  if (!programs.ok) return programs;
  const [dense, program] = [PROGRAMS.dense, PROGRAMS[form]].map((name) =>
    programs.value.find((candidate) => candidate.name === name),
  );
  if (dense === undefined || program === undefined) throw new InternalError("models/moe.ts without forward programs");
  const mismatch = findMismatch(library, program);
  if (mismatch !== undefined)
    return refuse(error("TK562", undefined, mismatch, "give the --size that it was built with"));

  // The two forms start from the same numbers.
  const initial = initialWeights(seed, dense);
  const stacked = stackWeights(initial);
  const weights = { dense: initial, sparse: stacked, packed: packWeights(stacked, config.experts) }[form];
  const rows = dataset.rows;
  const x = dataset.features.subarray(0, rows * config.inputs);
  const width = config.outcomes + config.actions;
  const common = { y: new Float32Array(rows * width), probabilities: new Float32Array(rows * config.experts) };
  const routing =
    form === "dense"
      ? { weights: new Float32Array(rows * config.experts) }
      : { ids: new Int32Array(rows * config.chosen), gates: new Float32Array(rows * config.chosen) };
  const outputs = { ...common, ...routing };
  const given = form === "packed" ? await packedBy(library, weights, stacked) : weights;
  await library.call(program.name, { tensors: { x, ...Object.fromEntries(given), ...outputs }, dims: { B: rows } });
  const reference = evaluateProgram(program, { B: rows }, new Map([["x", x], ...weights]));
  const outcomes = largest(outputs.y, rows, width, 0, config.outcomes);
  const actions = largest(outputs.y, rows, width, config.outcomes, width);
  const uncertain = new Set(reference.uncertainRows);
  const comparison = compare(outputs, reference.outputs, rows, uncertain);
  return ok({
    outcomes,
    actions,
    summary: {
      rows,
      predicted: [
        { head: outcome.name, classes: countClasses(outcomes, outcome.classes) },
        { head: action.name, classes: countClasses(actions, action.classes) },
      ],
      load: loads(routing, rows, config.experts),
      uncertainRows: uncertain.size,
      ...comparison,
    },
  });
}

type Weights = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** The packed weights as the library's own program makes them of the stacked ones; the reference has those of `packWeights`. */
async function packedBy(library: Runner, packed: Weights, stacked: Weights): Promise<Weights> {
  const empty = [...packed].filter(([name]) => !stacked.has(name));
  const made = new Map(empty.map(([name, { length }]) => [name, new Float32Array(length)]));
  const taken = [...stacked].filter(([name]) => !packed.has(name));
  await library.call(PACK, { tensors: { ...Object.fromEntries(taken), ...Object.fromEntries(made) }, dims: {} });
  return new Map([...packed, ...made]);
}

/** The seed's initial weights of the dense programs, by their names. */
export async function readInitialWeights(
  config: MoeConfig,
  seed: bigint,
): Promise<Result<ReadonlyMap<string, Float32Array<ArrayBuffer>>>> {
  const programs = await readPrograms(join(packageRoot(), "models/moe.ts"), config, process.cwd());
  if (!programs.ok) return programs;
  const dense = programs.value.find(({ name }) => name === PROGRAMS.dense);
  if (dense === undefined) throw new InternalError(`models/moe.ts has no program ${PROGRAMS.dense}`);
  return ok(initialWeights(seed, dense));
}

/** Why the library's program is not the model's; `undefined` where it is. */
export function findMismatch(library: Pick<Runner, "abi">, program: TensorProgram): string | undefined {
  const built = library.abi.programs.find(({ name }) => name === program.name);
  if (built === undefined) return `the library has no program ${program.name}`;
  for (const { name, shape } of [...program.inputs, ...program.weights]) {
    const field = built.fields.find((candidate) => candidate.name === name);
    const [expected, actual] = [`[${shape.join(", ")}]`, `[${(field?.shape ?? []).join(", ")}]`];
    if (expected !== actual)
      return `${name} is ${expected} in the model and ${field ? actual : "missing"} in the library`;
  }
  const tensors = built.fields.filter(({ kind }) => kind === "tensor").length;
  const expected = program.inputs.length + program.weights.length + program.outputs.length;
  return tensors === expected ? undefined : `the library's program has ${tensors} tensors, and the model ${expected}`;
}

type Comparison = Pick<
  ForwardSummary,
  "largestDifference" | "boundThere" | "largestShareOfBound" | "outsideBound" | "elements"
>;

/** Rows whose choice of experts is uncertain are held to their bound as well, which is as wide as the choice. */
function compare(
  outputs: Readonly<Record<string, Float32Array | Int32Array>>,
  reference: ReadonlyMap<string, { readonly values: Float64Array; readonly bound: Float64Array }>,
  rows: number,
  uncertain: ReadonlySet<number>,
): Comparison {
  let [largestDifference, boundThere, largestShareOfBound, outsideBound, elements] = [0, 0, 0, 0, 0];
  for (const [name, { values, bound }] of reference) {
    const actual = outputs[name] ?? new Float32Array(0);
    const width = rows === 0 ? 0 : values.length / rows;
    for (const [i, value] of values.entries()) {
      const [found, allowed] = [actual[i] ?? Number.NaN, bound[i] ?? 0];
      elements++;
      if (!agrees(found, value, allowed)) outsideBound++;
      if (uncertain.has(Math.floor(i / width))) continue;
      const difference = Math.abs(found - value);
      largestShareOfBound = Math.max(largestShareOfBound, allowed > 0 ? difference / allowed : 0);
      if (difference > largestDifference) [largestDifference, boundThere] = [difference, allowed];
    }
  }
  return { largestDifference, boundThere, largestShareOfBound, outsideBound, elements };
}

/** The position, from 0, of the largest of columns `from` to `to` (exclusive) of each row; the first of equals. */
function largest(y: Float32Array, rows: number, width: number, from: number, to: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => {
    let best = from;
    for (let column = from + 1; column < to; column++) {
      if ((y[row * width + column] ?? 0) > (y[row * width + best] ?? 0)) best = column;
    }
    return best - from;
  });
}

function countClasses(predictions: Int32Array, classes: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map(classes.map((name) => [name, 0]));
  for (const prediction of predictions) {
    const name = classes[prediction] ?? "";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

type Routing = { readonly weights: Float32Array } | { readonly ids: Int32Array };

function loads(routing: Routing, rows: number, experts: number): readonly number[] {
  return Array.from({ length: experts }, (_, expert) => {
    if ("ids" in routing) return routing.ids.filter((id) => id === expert).length;
    let load = 0;
    for (let row = 0; row < rows; row++) if (routing.weights[row * experts + expert] !== 0) load++;
    return load;
  });
}
