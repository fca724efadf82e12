/**
 * Training data: a CSV file with its schema, or arrays in `.npy` or safetensors files → rows, two classes of each, and the
 * split into training, validation and test.
 *
 * The split is a function of a row's content (`data/split.ts`): of its text in a CSV file, of its features' bytes in an
 * array. So it does not change when rows are added or reordered, and equal rows fall on one side.
 */

import { extname } from "node:path";
import type { Dataset } from "../../data/encode-csv.ts";
import type { Encoding } from "../../data/encoding.ts";
import { type NpyArray, readNpy } from "../../data/npy.ts";
import { f32Values, readSafetensors, type StoredTensor } from "../../data/safetensors.ts";
import { fileSpan } from "../../data/source-file.ts";
import { splitOf, TEST, TRAIN, VALIDATION } from "../../data/split.ts";
import { error } from "../../support/diagnostic.ts";
import { sha256 } from "../../support/hash.ts";
import { ok, type Result, refuse } from "../../support/result.ts";
import type { MoeConfig } from "../sizes.ts";

export interface Head {
  readonly name: string;
  readonly classes: readonly string[];
  /** The class of each row. */
  readonly values: Int32Array;
}

export interface TrainingData {
  /** rows × width, row-major. */
  readonly x: Float32Array;
  readonly width: number;
  readonly heads: readonly [Head, Head];
  /** The rows of each part. */
  readonly rows: Readonly<Record<"train" | "validation" | "test", Int32Array>>;
  /** A hash of everything above: two runs on the same data have the same. */
  readonly fingerprint: string;
  /** How the rows of a CSV file were encoded. */
  readonly encoding?: Encoding;
}

/** TK561: the data does not have the width, or the heads, of the model. */
export function dataOf(dataset: Dataset, config: MoeConfig): Result<TrainingData> {
  const [first, second, ...others] = dataset.labels;
  const counts = dataset.labels.map(({ classes }) => classes.length);
  if (first === undefined || second === undefined || others.length > 0 || !fits(dataset.width, counts, config)) {
    return refuse(misfit(dataset.width, counts, config));
  }
  const { features, width, split, encoding } = dataset;
  return ok({ ...assemble(features, width, [first, second], split), encoding });
}

/** Whether a path names arrays rather than a CSV file. */
export function isArrayFile(path: string): boolean {
  return [".npy", ".safetensors"].includes(extname(path).toLowerCase());
}

/**
 * `x` [rows, inputs] of floats, and two classes of each row: the columns of `labels` [rows, 2] where `path` is a `.npy` file
 * and `labelsPath` another; the tensors `outcome` and `action` [rows] beside `x` where it is a safetensors file.
 *
 * TK582: an array is missing, or of another kind or shape than this; TK584: a class that the model does not have, or a feature
 * that is no finite number; TK561: see
 * `dataOf`; and what the readers of the files refuse.
 */
export function readArrays(path: string, labelsPath: string | undefined, config: MoeConfig): Result<TrainingData> {
  const arrays = path.endsWith(".npy") ? readNpyPair(path, labelsPath) : readTensors(path);
  if (!arrays.ok) return arrays;
  const { x, width, labels, places } = arrays.value;
  const classes = [config.outcomes, config.actions] as const;
  if (width !== config.inputs) return refuse(misfit(width, classes, config));
  for (const head of [0, 1] as const) {
    for (const [row, value] of labels[head].entries()) {
      if (Number.isInteger(value) && value >= 0 && value < classes[head]) continue;
      const message = `row ${row} has the ${HEADS[head]} ${value}, and the model has ${classes[head]} of them, from 0`;
      return refuse(
        error("TK584", fileSpan(places[head]), message, "correct the class, or give a --config that has it"),
      );
    }
  }
  const bad = x.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const message = `row ${Math.floor(bad / width)} has the feature ${x[bad]} in column ${bad % width}`;
    return refuse(
      error("TK584", fileSpan(path), message, "give numbers within the range of f32, or leave the row out"),
    );
  }
  const heads = [0, 1].map((head) => ({
    name: HEADS[head] ?? "",
    classes: Array.from({ length: classes[head] ?? 0 }, (_, i) => String(i)),
    values: Int32Array.from(labels[head] ?? []),
  }));
  const [first, second] = heads;
  if (first === undefined || second === undefined) return refuse(misfit(width, [], config));
  const split = Uint8Array.from(first.values, (_, row) => {
    const { buffer, byteOffset } = x.subarray(row * width, (row + 1) * width);
    return splitOf(Buffer.from(buffer, byteOffset, 4 * width).toString("base64"));
  });
  return ok(assemble(x, width, [first, second], split));
}

const HEADS = ["outcome", "action"] as const;

interface Arrays {
  readonly x: Float32Array;
  readonly width: number;
  readonly labels: readonly [readonly number[], readonly number[]];
  /** The files of the labels. */
  readonly places: readonly [string, string];
}

function readNpyPair(path: string, labelsPath: string | undefined): Result<Arrays> {
  if (labelsPath === undefined) {
    const fix = "give the classes with --labels: a .npy file of integers, [rows, 2]";
    return refuse(error("TK582", fileSpan(path), "the file has features and no classes", fix));
  }
  const [features, classes] = [readNpy(path), readNpy(labelsPath)];
  if (!features.ok) return features;
  if (!classes.ok) return classes;
  const { shape, values } = features.value;
  const [rows = 0, width = 0] = shape;
  if (shape.length !== 2 || !(values instanceof Float32Array || values instanceof Float64Array)) {
    return shapeError(path, "features", features.value.shape, "floats [rows, inputs]");
  }
  if (classes.value.shape.length !== 2 || classes.value.shape[0] !== rows || classes.value.shape[1] !== 2) {
    return shapeError(labelsPath, "classes", classes.value.shape, `integers [${rows}, 2]`);
  }
  const numbers = integersOf(classes.value);
  const column = (head: number): readonly number[] => numbers.filter((_, i) => i % 2 === head);
  const x = values instanceof Float32Array ? values : Float32Array.from(values);
  return ok({ x, width, labels: [column(0), column(1)], places: [labelsPath, labelsPath] });
}

function integersOf({ values }: NpyArray): readonly number[] {
  return Array.from(values as ArrayLike<number | bigint>, Number);
}

function readTensors(path: string): Result<Arrays> {
  const file = readSafetensors(path);
  if (!file.ok) return file;
  const byName = new Map(file.value.tensors.map((tensor) => [tensor.name, tensor]));
  const [x, outcome, action] = ["x", "outcome", "action"].map((name) => byName.get(name));
  if (x === undefined || outcome === undefined || action === undefined) {
    const fix = "store x [rows, inputs], outcome [rows] and action [rows]";
    return refuse(error("TK582", fileSpan(path), `the file has the tensors ${[...byName.keys()].join(", ")}`, fix));
  }
  const values = f32Values(x, path);
  if (!values.ok) return values;
  const [rows = 0, width = 0] = x.shape;
  if (x.shape.length !== 2) return shapeError(path, "x", x.shape, "[rows, inputs]");
  for (const label of [outcome, action]) {
    if (label.shape.length === 1 && label.shape[0] === rows && (label.dtype === "I32" || label.dtype === "I64"))
      continue;
    return shapeError(path, `${label.name} of ${label.dtype}`, label.shape, `I32 or I64 [${rows}]`);
  }
  return ok({ x: values.value, width, labels: [classesOf(outcome), classesOf(action)], places: [path, path] });
}

function classesOf({ dtype, bytes }: StoredTensor): readonly number[] {
  const copy = bytes.slice().buffer;
  return dtype === "I32" ? [...new Int32Array(copy)] : Array.from(new BigInt64Array(copy), Number);
}

function shapeError(path: string, what: string, shape: readonly number[], expected: string) {
  const message = `${what} has the shape [${shape.join(", ")}]`;
  return refuse(error("TK582", fileSpan(path), message, `give ${expected}`));
}

function fits(width: number, classes: readonly number[], { inputs, outcomes, actions }: MoeConfig): boolean {
  return width === inputs && classes[0] === outcomes && classes[1] === actions;
}

function misfit(width: number, classes: readonly number[], { inputs, outcomes, actions }: MoeConfig) {
  const actual = `${width} features and labels of ${classes.join(" and ")} classes`;
  const expected = `${inputs} features and labels of ${outcomes} and ${actions} classes`;
  const message = `the data has ${actual}, and the model takes ${expected}`;
  return error("TK561", undefined, message, "choose a schema or a --config that fits");
}

function assemble(x: Float32Array, width: number, heads: readonly [Head, Head], split: Uint8Array): TrainingData {
  const rowsOf = (part: number): Int32Array => Int32Array.from(split.keys()).filter((row) => split[row] === part);
  const bytes = [x, heads[0].values, heads[1].values, split].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength).toString("latin1"),
  );
  const classes = heads.map(({ name, classes: names }) => JSON.stringify([name, names]));
  return {
    x,
    width,
    heads,
    rows: { train: rowsOf(TRAIN), validation: rowsOf(VALIDATION), test: rowsOf(TEST) },
    fingerprint: sha256([String(width), ...bytes.map(sha256), ...classes].join("\n")).slice(0, 16),
  };
}
