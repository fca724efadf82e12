/** The MoE model of a size, built by tokitai, on rows and weights that peers get as files. */

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readPrograms } from "../../src/compiler/frontend/model.ts";
import type { TensorProgram } from "../../src/ir/tensor/types.ts";
import { initialWeights } from "../../src/moe/initialise.ts";
import { MOE_SIZES, type MoeConfig, type MoeSizeName } from "../../src/moe/sizes.ts";
import { SYNTHETIC_RATE, syntheticArguments, syntheticRows } from "../../src/moe/synthetic.ts";
import { type CpuLibrary, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import type { Result } from "../../src/support/result.ts";

const ROOT = join(import.meta.dirname, "../..");

export interface Model {
  readonly size: MoeSizeName;
  readonly config: MoeConfig;
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly library: CpuLibrary;
  /** Where peers find the weights and the rows. */
  readonly folder: string;
}

export type Program = "forward" | "sparse" | "step";

export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.diagnostics.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}

/** Compiles the model of the size, and writes what peers read: model.json, weights.bin, and the rows of each number. */
export async function openModel(size: MoeSizeName, folder: string, rows: readonly number[]): Promise<Model> {
  const out = join(folder, "build");
  const command = [join(ROOT, "bin/tokitai.js"), "compile", "moe", "--size", size, "-o", out];
  const { status, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const library = unwrap(openCpuLibrary(out));
  const config = MOE_SIZES[size];
  const programs = unwrap(await readPrograms(join(ROOT, "models/moe.ts"), config, ROOT));
  const dense = programs.find(({ name }: TensorProgram) => name === "moe_forward");
  if (dense === undefined) throw new Error("no forward program");
  const weights = initialWeights(7n, dense);
  const model: Model = { size, config, weights, library, folder };
  const shapes = dense.weights.map(({ name, shape }) => [name, shape]);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "model.json"), JSON.stringify({ config, rate: SYNTHETIC_RATE, weights: shapes }));
  writeFileSync(join(folder, "weights.bin"), bytesOf(concatenate([...weights.values()])));
  for (const count of rows) {
    const { x, outcome, action } = syntheticRows(config, count);
    writeFileSync(join(folder, `x.${count}.bin`), bytesOf(x));
    writeFileSync(join(folder, `outcome.${count}.bin`), bytesOf(outcome));
    writeFileSync(join(folder, `action.${count}.bin`), bytesOf(action));
  }
  return model;
}

function bytesOf(data: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export interface Prepared {
  readonly call: () => void;
  /** What peers are compared with: y, or after the first step the weights. */
  readonly result: () => Float32Array;
}

const ENTRY: Readonly<Record<Program, string>> = {
  forward: "moe_forward",
  sparse: "moe_sparse_forward",
  step: "moe_step",
};

/** A program on `rows` rows, with tensors of its own. */
export function prepare({ library, weights, config }: Model, program: Program, rows: number): Prepared {
  const entry = ENTRY[program];
  const description = library.abi.programs.find(({ name }) => name === entry);
  if (description === undefined) throw new Error(`the library has no ${entry}`);
  const { args, advance } = unwrap(syntheticArguments(description, { config, weights }, rows));
  const call = (): void => {
    advance();
    library.call(entry, args);
  };
  const result = (): Float32Array => {
    call();
    const named = program === "step" ? [...weights.keys()] : ["y"];
    return concatenate(named.map((name) => args.tensors[name]).filter((one) => one instanceof Float32Array));
  };
  return { call, result };
}
