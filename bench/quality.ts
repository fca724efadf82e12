/**
 * `npm run bench:quality [-- --epochs N --seeds 7,1,2,3,4]`: what the trained Nano model predicts on the birdstrikes data,
 * beside a multinomial logistic regression on the same features and split, as Markdown for docs/moe.md.
 *
 * Per seed the command trains (`tokitai train`), and evaluates the weights of its best epoch on the test rows. The regression
 * is scikit-learn's, in an environment of its own (.tokitai/bench-python). Nothing is printed that was not measured.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { readPrograms } from "../src/compiler/frontend/model.ts";
import { encodeCsv } from "../src/data/encode-csv.ts";
import { resolveDataset } from "../src/data/resolve-dataset.ts";
import { readSafetensors } from "../src/data/safetensors.ts";
import { readSchema } from "../src/data/schema.ts";
import { MOE_SIZES } from "../src/moe/sizes.ts";
import { dataOf, type TrainingData } from "../src/moe/train/data.ts";
import { type Evaluation, evaluateRows, majorityAccuracy } from "../src/moe/train/evaluate.ts";
import { initialState, isMoment, restoreState } from "../src/moe/train/state.ts";
import { openCpuLibrary } from "../src/runtime/cpu/library.ts";
import type { Result } from "../src/support/result.ts";
import { type Comparison, compareAccuracies } from "./bootstrap.ts";

const ROOT = join(import.meta.dirname, "..");
const PYTHON = join(ROOT, ".tokitai/bench-python");
const CONFIG = MOE_SIZES.nano;

const { values } = parseArgs({
  options: { epochs: { type: "string", default: "20" }, seeds: { type: "string", default: "7,1,2,3,4" } },
});
const seeds = values.seeds.split(",");

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.diagnostics.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: exit code ${status}\n${stderr}`);
  return stdout;
}

const regressionSchema = z.object({
  version: z.string(),
  heads: z.array(z.object({ c: z.number(), validationLoss: z.number(), predictions: z.array(z.number()) })),
});

/** Fits the regression to the very rows and features that the model is trained on. */
function fitRegression(data: TrainingData): z.output<typeof regressionSchema> {
  const stamp = join(PYTHON, "requirements.txt");
  const wanted = readFileSync(join(ROOT, "bench/requirements.txt"), "utf8");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
    run("python3", ["-m", "venv", "--clear", PYTHON]);
    const quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    run(join(PYTHON, "bin/python"), [...quiet, "--requirement", "bench/requirements.txt"]);
    writeFileSync(stamp, wanted);
  }
  const folder = mkdtempSync(join(tmpdir(), "tokitai-quality-"));
  try {
    const rows = data.heads[0].values.length;
    const split = new Int32Array(rows);
    for (const [part, name] of (["train", "validation", "test"] as const).entries()) {
      for (const row of data.rows[name]) split[row] = part;
    }
    const labels = Int32Array.from({ length: 2 * rows }, (_, i) => data.heads[i % 2 === 0 ? 0 : 1].values[i >> 1] ?? 0);
    writeNpy(join(folder, "x.npy"), "<f4", [rows, data.width], data.x);
    writeNpy(join(folder, "labels.npy"), "<i4", [rows, 2], labels);
    writeNpy(join(folder, "split.npy"), "<i4", [rows], split);
    const text = run(join(PYTHON, "bin/python"), [join(ROOT, "bench/logistic.py"), folder]);
    return regressionSchema.parse(JSON.parse(text));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeNpy(path: string, descr: string, shape: readonly number[], data: Float32Array | Int32Array): void {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.map((size) => `${size},`).join(" ")}), }`;
  const header = Buffer.from(`${text.padEnd(117)}\n`, "latin1");
  const magic = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  writeFileSync(path, Buffer.concat([magic, header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]));
}

const files = unwrap(resolveDataset("birdstrikes"));
const dataset = unwrap(encodeCsv(files.csvPath, unwrap(readSchema(files.schemaPath))));
const data = unwrap(dataOf(dataset, CONFIG));
const folder = mkdtempSync(join(tmpdir(), "tokitai-quality-runs-"));
try {
  mkdirSync(folder, { recursive: true });
  const cli = join(ROOT, "bin/tokitai.js");
  const library = join(folder, "library");
  run(process.execPath, [cli, "compile", "moe", "--size", "nano", "-o", library, "--no-table"]);
  const opened = unwrap(openCpuLibrary(library));
  const programs = unwrap(await readPrograms(join(ROOT, "models/moe.ts"), CONFIG, ROOT));
  const step = programs.find(({ name }) => name === "moe_step");
  if (step === undefined) throw new Error("the model has no moe_step");
  const trained = seeds.map((seed): Evaluation & { readonly trainLoad: readonly number[] } => {
    const out = join(folder, `seed${seed}`);
    const sizes = ["--size", "nano", "--epochs", values.epochs, "--seed", seed, "--library", library, "-o", out];
    run(process.execPath, [cli, "train", "--data", "birdstrikes", ...sizes]);
    const model = join(out, "model.safetensors");
    const state = initialState(step, 0n);
    const weights = (name: string): boolean => !isMoment(name);
    unwrap(restoreState(step, state, unwrap(readSafetensors(model)).tensors, model, weights));
    const { load } = evaluateRows(opened, CONFIG, data, state, data.rows.train);
    return { ...evaluateRows(opened, CONFIG, data, state, data.rows.test), trainLoad: load };
  });
  printTables(trained, fitRegression(data));
} finally {
  rmSync(folder, { recursive: true });
}

function printTables(
  trained: readonly (Evaluation & { readonly trainLoad: readonly number[] })[],
  regression: z.output<typeof regressionSchema>,
): void {
  const test = data.rows.test;
  const majority = majorityAccuracy(data, test);
  const points = (value: number): string => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(3)}`;
  const compared = ({ difference, interval, worse }: Comparison): string =>
    `${points(difference)} (${points(interval[0])} to ${points(interval[1])}; worse in ${(100 * worse).toFixed(1)} %)`;
  const lines = [
    `Test rows: ${test.length}; ${values.epochs} epochs; regression: scikit-learn ${regression.version}, C = ${regression.heads.map(({ c }) => c).join(" and ")}.`,
    "",
    "| | outcome | against the regression | action | against the regression |",
    "| --- | --- | --- | --- | --- |",
  ];
  const baseline = ([0, 1] as const).map((head) => {
    const predictions = regression.heads[head]?.predictions ?? [];
    return Int32Array.from(test, (row) => predictions[row] ?? -1);
  });
  const truth = ([0, 1] as const).map((head) => Int32Array.from(test, (row) => data.heads[head].values[row] ?? -1));
  const accuracy = (predictions: Int32Array, head: 0 | 1): number =>
    predictions.filter((predicted, i) => predicted === truth[head]?.[i]).length / test.length;
  lines.push(`| most frequent class | ${majority[0].toFixed(3)} | | ${majority[1].toFixed(3)} | |`);
  const [first = new Int32Array(0), second = new Int32Array(0)] = baseline;
  lines.push(`| logistic regression | ${accuracy(first, 0).toFixed(3)} | | ${accuracy(second, 1).toFixed(3)} | |`);
  for (const [position, seed] of seeds.entries()) {
    const { predictions, trainLoad } = trained[position] ?? { predictions: [first, second] as const, trainLoad: [] };
    const cells = ([0, 1] as const).flatMap((head) => [
      accuracy(predictions[head], head).toFixed(3),
      compared(compareAccuracies(predictions[head], baseline[head] ?? first, truth[head] ?? first)),
    ]);
    lines.push(`| seed ${seed} (training rows per expert: ${trainLoad.join(", ")}) | ${cells.join(" | ")} |`);
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}
