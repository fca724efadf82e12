/** The MoE model of a size, built by tokitai, on rows and weights that peers get as files. */

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import koffi from "koffi";
import { readPrograms } from "../../src/compiler/frontend/model.ts";
import type { TensorProgram } from "../../src/ir/tensor/types.ts";
import { initialWeights } from "../../src/moe/initialise.ts";
import { MOE_SIZES, type MoeConfig, type MoeSizeName } from "../../src/moe/sizes.ts";
import { unstackWeights } from "../../src/moe/stack-weights.ts";
import { SYNTHETIC_RATE, syntheticArguments, syntheticRows } from "../../src/moe/synthetic.ts";
import { type CallArguments, packArguments, packStruct } from "../../src/runtime/cpu/arguments.ts";
import { type CpuLibrary, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import type { Result } from "../../src/support/result.ts";

const ROOT = join(import.meta.dirname, "../..");

export interface Model {
  readonly size: MoeSizeName;
  readonly config: MoeConfig;
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly library: CpuLibrary;
  /** The file of the library. */
  readonly path: string;
  /** Where peers find the weights and the rows. */
  readonly folder: string;
}

export type Program = "forward" | "sparse" | "packed" | "step" | "sparseStep";

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
  const file = library.manifest.files.find(({ role, target }) => role === "library" && target === "cpu");
  if (file === undefined) throw new Error("no library");
  const model: Model = { size, config, weights, library, folder, path: join(out, file.name) };
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

/** The struct of a kernel's arguments, for calls from C; the tensors have to live as long. */
export function packedArguments({ library: { abi } }: Model, kernel: string, args: CallArguments): Uint8Array {
  const description = abi.kernels.find(({ name }) => name === kernel);
  if (description === undefined) throw new Error(`the library has no ${kernel}`);
  const words = packStruct(description, packArguments(description, abi, args, undefined), koffi.address);
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

export interface Prepared {
  readonly call: () => void;
  /** What peers are compared with: y, or after the first step the weights. */
  readonly result: () => Float32Array;
}

const ENTRY: Readonly<Record<Program, string>> = {
  forward: "moe_forward",
  sparse: "moe_sparse_forward",
  packed: "moe_packed_forward",
  step: "moe_step",
  sparseStep: "moe_sparse_step",
};

/** A program on `rows` rows, with tensors of its own. */
export function prepare({ library, weights, config }: Model, program: Program, rows: number): Prepared {
  const entry = ENTRY[program];
  const description = library.abi.programs.find(({ name }) => name === entry);
  if (description === undefined) throw new Error(`the library has no ${entry}`);
  const { args, advance } = unwrap(syntheticArguments(description, { config, weights }, rows));
  const run = library.bind(entry, args);
  const call = (): void => {
    advance();
    run();
  };
  const result = (): Float32Array => {
    call();
    const floats = Object.entries(args.tensors).flatMap(([name, data]) =>
      data instanceof Float32Array ? [[name, data] as const] : [],
    );
    if (program === "forward" || program === "sparse" || program === "packed")
      return new Map(floats).get("y") ?? new Float32Array(0);
    const found = new Map(floats);
    const own = program === "step" ? found : unstackWeights(found, weights.keys());
    return concatenate([...weights.keys()].map((name) => own.get(name) ?? new Float32Array(0)));
  };
  return { call, result };
}
