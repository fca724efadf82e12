/** Products of matrices by themselves: one, beside OpenBLAS and BLIS; and those of experts, beside one of as many rows. */

import type { CallArguments } from "../src/runtime/cpu/arguments.ts";
import { type Blas, findBlas } from "./peers/blas.ts";
import { type Rounds, timeCalls } from "./peers/contender.ts";
import { type Model, packedArguments } from "./peers/model.ts";
import { buildLoops, type NativeLoops } from "./peers/native.ts";
import { check, compare, differenceOf, type Entry, head, remarks } from "./table.ts";

const GEMM: readonly (readonly [B: number, N: number, K: number])[] = [
  [64, 128, 96],
  [256, 128, 96],
  [64, 128, 128],
  [256, 128, 128],
  [1024, 128, 96],
  [1024, 128, 128],
  [256, 20, 128],
  [1024, 20, 128],
  [64, 2048, 2048],
  [256, 2048, 2048],
  [1024, 2048, 2048],
  [256, 4096, 4096],
];

/** Of these, calls from Node are measured too. */
const FROM_NODE: readonly (readonly [B: number, N: number, K: number])[] = [
  [64, 128, 96],
  [256, 128, 128],
];

function gemmEntries(
  model: Model,
  found: readonly Blas[],
  sizes: readonly [B: number, N: number, K: number],
  loops?: NativeLoops,
): readonly Entry[] {
  const [B, N, K] = sizes;
  const x = Float32Array.from({ length: B * K }, (_, i) => Math.sin(i));
  const w = Float32Array.from({ length: N * K }, (_, i) => Math.cos(i) / Math.sqrt(K));
  const y = new Float32Array(B * N);
  const args = { tensors: { x, w, bias: new Float32Array(N), y }, dims: { B, N, K } };
  const units = ["avx512", "avx2"].filter((unit) => {
    try {
      model.library.call(`linear_${unit}`, args);
      return true;
    } catch (cause) {
      remarks.add(`linear_${unit} is not measured: ${cause instanceof Error ? cause.message : String(cause)}`);
      return false;
    }
  });
  const ours = units.map((unit): Entry => {
    const kernel = `linear_${unit}`;
    const packed = packedArguments(model, kernel, args);
    const time = (seconds: number) => Promise.resolve(loops?.launch(model.path, `tok_${kernel}`, packed, seconds) ?? 0);
    const call = (): void => model.library.call(kernel, args);
    return { name: `tokitai, ${unit}`, ours: true, difference: 0, time: loops === undefined ? timeCalls(call) : time };
  });
  const theirs = found.map(({ name, path, sgemm }): Entry => {
    const z = new Float32Array(B * N);
    const call = (): void => sgemm(sizes, x, w, z);
    call();
    const difference = differenceOf(y, z);
    check(name, `[${sizes.join(", ")}]`, difference);
    const time = (seconds: number) => Promise.resolve(loops?.sgemm(path, sizes, x, w, z, seconds) ?? 0);
    return { name, ours: false, difference, time: loops === undefined ? timeCalls(call) : time };
  });
  return [...ours, ...theirs];
}

export async function gemm(model: Model, rounds: Rounds, threads: number): Promise<void> {
  const { found, missing } = findBlas(threads);
  for (const line of missing) remarks.add(line);
  for (const { name, version } of found) remarks.add(`${name} ${version}`);
  const loops = buildLoops();
  head("Products of matrices, y[B, N] = x[B, K]·w[N, K]ᵀ, called in a loop of C");
  for (const sizes of GEMM) {
    const entries = gemmEntries(model, found, sizes, loops);
    await compare(rounds, "gemm", `[${sizes.join(", ")}]`, entries, 2 * sizes[0] * sizes[1] * sizes[2]);
  }
  head("The same, called from Node");
  for (const sizes of FROM_NODE) {
    const entries = gemmEntries(model, found, sizes);
    await compare(rounds, "gemm", `[${sizes.join(", ")}] from Node`, entries, 2 * sizes[0] * sizes[1] * sizes[2]);
  }
}

/** Products of rows grouped by expert beside one product of as many rows: [rows, columns, summands]. */
const GROUPED: readonly (readonly [T: number, N: number, K: number])[] = [
  [512, 128, 128],
  [2048, 128, 128],
  [8192, 128, 128],
  [512, 2048, 2048],
];
/** The share of the rows that each expert has. */
const SKEWED = [0.5, 0.3, 0.15, 0.05];

export async function grouped(model: Model, rounds: Rounds): Promise<void> {
  const loops = buildLoops();
  head(
    `Products of rows of ${SKEWED.length} experts, which have ${SKEWED.map((share) => `${100 * share} %`).join(", ")} of them`,
  );
  for (const [T, N, K] of GROUPED) {
    const x = Float32Array.from({ length: T * K }, (_, i) => Math.sin(i));
    const w = Float32Array.from({ length: SKEWED.length * N * K }, (_, i) => Math.cos(i) / Math.sqrt(K));
    const ends = SKEWED.map((_, e) => Math.round(T * SKEWED.slice(0, e + 1).reduce((sum, share) => sum + share, 0)));
    const offsets = Int32Array.from([0, ...ends]);
    const expert = Int32Array.from({ length: T }, (_, p) => ends.findIndex((end) => p < end));
    const [y, z] = [new Float32Array(T * N), new Float32Array(T * N)];
    const tensors = { x, w, bias: new Float32Array(SKEWED.length * N), offsets, expert, y };
    const dense = { x, w: w.subarray(0, N * K), bias: new Float32Array(N), y: z };
    const unit = ["avx512", "avx2"].find((one) => {
      try {
        model.library.call(`linear_${one}`, { tensors: dense, dims: { B: T, N, K } });
        return true;
      } catch {
        return false;
      }
    });
    if (unit === undefined) {
      remarks.add("grouped products are not measured: this CPU has no vector unit that there are kernels for");
      return;
    }
    model.library.call(`grouped_linear_${unit}`, { tensors, dims: { T, N, K, E: SKEWED.length } });
    const first = (ends[0] ?? 0) * N;
    const difference = differenceOf(y.subarray(0, first), z.subarray(0, first));
    check("grouped_linear", `[${T}, ${N}, ${K}]`, difference);
    const timed = (kernel: string, args: CallArguments) => {
      const packed = packedArguments(model, kernel, args);
      return (seconds: number) => Promise.resolve(loops.launch(model.path, `tok_${kernel}`, packed, seconds));
    };
    const entries: readonly Entry[] = [
      {
        name: `grouped_linear, ${unit}`,
        ours: true,
        difference,
        time: timed(`grouped_linear_${unit}`, { tensors, dims: { T, N, K, E: SKEWED.length } }),
      },
      {
        name: `linear, ${unit}`,
        ours: false,
        difference: 0,
        time: timed(`linear_${unit}`, { tensors: dense, dims: { B: T, N, K } }),
      },
    ];
    await compare(rounds, "grouped", `[${T}, ${N}, ${K}]`, entries, 2 * T * N * K);
  }
}
