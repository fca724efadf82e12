/**
 * `npm run bench:dispatch [-- --sizes nano,tiny --runs 9]`: the dense against the sparse forward pass on the CPU, as
 * Markdown for docs/benchmarks.md.
 *
 * Both programs of one library, with the same weights and rows, called in turns in one process; medians and spreads of
 * `runs` repetitions, each long enough to be timed. The shares of the work are those of `tokitai plan`: floating-point
 * operations of matrix products, which the sparse program does for the K chosen of the E experts alone.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { readPrograms } from "../src/compiler/frontend/model.ts";
import { initialWeights } from "../src/moe/initialise.ts";
import { MOE_SIZES, type MoeConfig, type MoeSizeName } from "../src/moe/sizes.ts";
import { stackWeights } from "../src/moe/stack-weights.ts";
import { type CpuLibrary, openCpuLibrary } from "../src/runtime/cpu/library.ts";
import type { Result } from "../src/support/result.ts";

const ROOT = join(import.meta.dirname, "..");
const BATCHES = [1, 64, 256, 1024];
/** One repetition calls a program until this much time has passed, so that the clock's grain does not show. */
const REPETITION_MS = 50;

const { values } = parseArgs({
  options: { sizes: { type: "string", default: "nano,tiny" }, runs: { type: "string", default: "9" } },
});
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs is a number of runs, at least 1");
const sizes = values.sizes.split(",").map((name): MoeSizeName => {
  if (!isSize(name)) throw new Error(`--sizes has ${name}, expected some of ${Object.keys(MOE_SIZES).join(", ")}`);
  return name;
});

function isSize(name: string): name is MoeSizeName {
  return Object.hasOwn(MOE_SIZES, name);
}

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.diagnostics.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}

function build(size: MoeSizeName, folder: string): CpuLibrary {
  const command = [join(ROOT, "bin/tokitai.js"), "compile", "moe", "--size", size, "-o", folder, "--no-table"];
  const { status, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return unwrap(openCpuLibrary(folder));
}

/** Floating-point operations of the matrix products for one row: the router's, and those of `experts` experts. */
function operations(config: MoeConfig, experts: number): number {
  const { inputs, hidden, depth, outcomes, actions } = config;
  const expert = inputs * hidden + depth * hidden ** 2 + hidden * (outcomes + actions);
  return 2 * (inputs * config.experts + experts * expert);
}

function median(sorted: readonly number[]): number {
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

/** Milliseconds per call. */
function time(call: () => void): number {
  const start = performance.now();
  let calls = 0;
  let end = start;
  while (end - start < REPETITION_MS) {
    call();
    calls++;
    end = performance.now();
  }
  return (end - start) / calls;
}

async function measure(size: MoeSizeName): Promise<void> {
  const config = MOE_SIZES[size];
  const folder = mkdtempSync(join(tmpdir(), "tokitai-bench-"));
  const library = build(size, folder);
  const programs = unwrap(await readPrograms(join(ROOT, "models/moe.ts"), config, ROOT));
  const dense = programs.find(({ name }) => name === "moe_forward");
  if (dense === undefined) throw new Error("no forward program");
  const weights = initialWeights(7n, dense);
  const share = operations(config, config.chosen) / operations(config, config.experts);
  for (const rows of BATCHES) {
    const x = Float32Array.from({ length: rows * config.inputs }, (_, i) => Math.sin(i * 0.7));
    const common = {
      x,
      y: new Float32Array(rows * (config.outcomes + config.actions)),
      probabilities: new Float32Array(rows * config.experts),
    };
    const ofDense = { ...common, weights: new Float32Array(rows * config.experts), ...Object.fromEntries(weights) };
    const ofSparse = {
      ...common,
      ids: new Int32Array(rows * config.chosen),
      gates: new Float32Array(rows * config.chosen),
      ...Object.fromEntries(stackWeights(weights)),
    };
    const callDense = (): void => library.call("moe_forward", { tensors: ofDense, dims: { B: rows } });
    const callSparse = (): void => library.call("moe_sparse_forward", { tensors: ofSparse, dims: { B: rows } });
    for (const call of [callDense, callSparse]) call();
    const found = Array.from({ length: runs }, () => ({ dense: time(callDense), sparse: time(callSparse) }));
    const [a, b] = [found.map((one) => one.dense), found.map((one) => one.sparse)].map((list) => list.sort(ascending));
    const ratios = found.map((one) => one.sparse / one.dense).sort(ascending);
    const spread = (list: readonly number[] = []): string =>
      `${median(list).toPrecision(3)} (${list[0]?.toPrecision(3)} to ${list.at(-1)?.toPrecision(3)})`;
    const cells = [size, rows, spread(a), spread(b), spread(ratios), share.toPrecision(3)];
    process.stdout.write(`| ${cells.join(" | ")} |\n`);
  }
  rmSync(folder, { recursive: true });
}

const ascending = (a: number, b: number): number => a - b;

process.stdout.write("| size | rows | dense, ms | sparse, ms | sparse/dense | of the operations |\n");
process.stdout.write("| --- | --- | --- | --- | --- | --- |\n");
for (const size of sizes) await measure(size);
