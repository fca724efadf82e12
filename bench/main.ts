/**
 * `npm run bench [-- --quick] [--only gemm,forward,step] [--json FILE] [--svg FILE]`: the CPU kernels and programs against what users
 * would take instead, as Markdown for docs/benchmarks.md.
 *
 * Contenders have their turns one after another in one run, each with threads for all cores, and every repetition has a turn of
 * each; medians, with the least and the most, of at least nine. That they compute the same numbers is checked before. A peer that
 * is not installed is named; `npm run bench:peers` installs those that are not Debian packages.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Spread, spreadOf } from "../src/moe/measure.ts";
import { type Blas, findBlas, measurePeak } from "./peers/blas.ts";
import { alternate, type Contender, type Rounds, timeCalls } from "./peers/contender.ts";
import { type Model, openModel, type Program, packedArguments, prepare } from "./peers/model.ts";
import { buildLoops, type NativeLoops } from "./peers/native.ts";
import { findOnnx } from "./peers/onnx.ts";
import { type Framework, findPython, type PythonPeer, startPeer } from "./peers/python.ts";
import { plotOf } from "./peers/svg.ts";

const ROOT = join(import.meta.dirname, "..");
const PARTS = ["gemm", "forward", "step"] as const;
type Part = (typeof PARTS)[number];

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: PARTS.join(",") },
    peers: { type: "string", default: process.env["TOKITAI_PEERS"] ?? join(ROOT, ".tokitai/peers") },
    json: { type: "string" },
    svg: { type: "string" },
  },
});
const parts = values.only.split(",").map((name): Part => {
  const found = PARTS.find((part) => part === name);
  if (found === undefined) throw new Error(`--only has ${name}, expected some of ${PARTS.join(", ")}`);
  return found;
});
const rounds: Rounds = values.quick ? { runs: 9, seconds: 0.03 } : { runs: 11, seconds: 0.15 };
const threads = availableParallelism();

/** One line of a table: a contender at one piece of work. */
export interface Row {
  readonly part: Part;
  readonly work: string;
  readonly contender: string;
  /** Seconds per call. */
  readonly seconds: Spread;
  /** Floating-point operations of a call, where they are counted. */
  readonly operations?: number;
  /** How many times as long as tokitai's best takes. */
  readonly ratio: number;
  /** The largest difference from tokitai's numbers. */
  readonly difference: number;
}

const rows: Row[] = [];
const remarks = new Set<string>();
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

interface Entry extends Contender {
  readonly ours: boolean;
  readonly difference: number;
}

async function compare(part: Part, work: string, entries: readonly Entry[], operations?: number): Promise<void> {
  const samples = await alternate(entries, rounds);
  const spreads = new Map(entries.map(({ name }) => [name, spreadOf(samples.get(name) ?? [])]));
  const best = Math.min(...entries.filter(({ ours }) => ours).map(({ name }) => spreads.get(name)?.median ?? Infinity));
  for (const { name, difference } of entries) {
    const seconds = spreads.get(name) ?? spreadOf([]);
    const row: Row = {
      part,
      work,
      contender: name,
      seconds,
      ratio: seconds.median / best,
      difference,
      ...(operations !== undefined && { operations }),
    };
    rows.push(row);
    const rate = operations === undefined ? "" : `${(operations / seconds.median / 1e9).toFixed(1)} GFLOP/s`;
    const cells = [work, name, milliseconds(seconds), rate, row.ratio.toFixed(2), difference.toExponential(1)];
    print(`| ${cells.join(" | ")} |`);
  }
}

function milliseconds({ median, least, most }: Spread): string {
  const [middle, ...ends] = [median, least, most].map((seconds) => (1_000 * seconds).toPrecision(3));
  return `${middle} (${ends.join(" to ")})`;
}

function head(title: string): void {
  print(`\n### ${title}\n`);
  print("| work | contender | ms, median (least to most) | rate | × tokitai's best | difference |");
  print("| --- | --- | --- | --- | --- | --- |");
}

function differenceOf(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}

/** What two right results may differ by, of numbers near 1. */
const TOLERANCE = 1e-3;

function check(name: string, work: string, difference: number): void {
  if (!(difference <= TOLERANCE)) throw new Error(`${name} computes something else at ${work}: ${difference} away`);
}

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

async function gemm(model: Model): Promise<void> {
  const { found, missing } = findBlas(threads);
  for (const line of missing) remarks.add(line);
  for (const { name, version } of found) remarks.add(`${name} ${version}`);
  const loops = buildLoops();
  head("Products of matrices, y[B, N] = x[B, K]·w[N, K]ᵀ, called in a loop of C");
  for (const sizes of GEMM) {
    const entries = gemmEntries(model, found, sizes, loops);
    await compare("gemm", `[${sizes.join(", ")}]`, entries, 2 * sizes[0] * sizes[1] * sizes[2]);
  }
  head("The same, called from Node");
  for (const sizes of FROM_NODE) {
    const entries = gemmEntries(model, found, sizes);
    await compare("gemm", `[${sizes.join(", ")}] from Node`, entries, 2 * sizes[0] * sizes[1] * sizes[2]);
  }
}

interface Peers {
  readonly python: readonly PythonPeer[];
  readonly onnx: ReturnType<typeof findOnnx>;
}

async function program(model: Model, part: Part, which: Program, count: number, peers: Peers): Promise<void> {
  const work = `${model.size}, B = ${count}`;
  const entries: Entry[] = [];
  const ours: readonly Program[] = which === "step" ? ["step", "sparseStep"] : ["forward", "sparse"];
  const isSparse = (program: Program): boolean => program === "sparse" || program === "sparseStep";
  let expected: Float32Array | undefined;
  for (const own of ours) {
    const { call, result } = prepare(model, own, count);
    const found = result();
    const difference = expected === undefined ? 0 : differenceOf(expected, found);
    expected ??= found;
    check(`tokitai ${own}`, work, difference);
    const name = `tokitai, ${isSparse(own) ? "sparse" : "dense"}`;
    entries.push({ name, ours: true, difference, time: timeCalls(call) });
  }
  const reference = expected ?? new Float32Array(0);
  for (const peer of peers.python) {
    for (const own of ours) {
      // PyTorch's compiler has no use for the sparse model's shapes, and JAX's none at all.
      if (isSparse(own) && peer.framework !== "torch") continue;
      const name = isSparse(own) ? `${peer.framework}, sparse` : peer.framework;
      const { version, error } = await peer.ask({ do: "prepare", program: own, rows: count });
      if (error !== undefined) {
        remarks.add(`${name} is missing at ${work}: ${error.split("\n")[0]}`);
        continue;
      }
      if (version !== undefined) remarks.add(version);
      const difference = differenceOf(reference, floatsOf(model.folder, `${peer.framework}.${own}.bin`));
      check(name, work, difference);
      const time = async (seconds: number): Promise<number> => {
        // A turn is for one program: it is prepared again where another had the process in between.
        const answer = await peer.ask({ do: "run", seconds });
        if (answer.seconds === undefined) throw new Error(`${name}: ${answer.error}`);
        return answer.seconds;
      };
      entries.push({ name, ours: false, difference, time: selecting(peer, own, count, time) });
    }
  }
  if (which === "forward" && peers.onnx !== undefined) {
    remarks.add(peers.onnx.version);
    const torch = peers.python.find(({ framework }) => framework === "torch");
    for (const own of ours) {
      const file = join(model.folder, `${own}.onnx`);
      const name = own === "sparse" ? "onnxruntime-node, sparse" : "onnxruntime-node";
      const exported = await torch?.ask({ do: "export", program: own, file });
      if (exported === undefined || exported.error !== undefined) {
        remarks.add(`${name} is missing: ${exported?.error?.split("\n")[0] ?? "PyTorch exports its models"}`);
        continue;
      }
      const x = floatsOf(model.folder, `x.${count}.bin`);
      const opened = await peers.onnx.open(file, x, [count, model.config.inputs]);
      const difference = differenceOf(reference, opened.y);
      check(name, work, difference);
      entries.push({ name, ours: false, difference, time: opened.time });
    }
  }
  await compare(part, work, entries);
}

/** One process serves several programs, and runs the one that it was asked to prepare last. */
const prepared = new WeakMap<PythonPeer, string>();
function selecting(
  peer: PythonPeer,
  which: Program,
  count: number,
  time: (seconds: number) => Promise<number>,
): (seconds: number) => Promise<number> {
  const key = `${which} ${count}`;
  return async (seconds) => {
    if (prepared.get(peer) !== key) await peer.ask({ do: "prepare", program: which, rows: count });
    prepared.set(peer, key);
    return time(seconds);
  };
}

function floatsOf(folder: string, file: string): Float32Array {
  const bytes = readFileSync(join(folder, file));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-bench-"));
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: ROOT, encoding: "utf8" }).trim();
  const compiler = execFileSync("g++", ["--version"], { encoding: "utf8" }).split("\n")[0] ?? "";
  const peak = measurePeak(threads);
  print(`${cpus()[0]?.model}, ${threads} cores, Node ${process.version}, ${compiler}, tokitai ${commit}`);
  print(`peak of fused multiply-adds: ${(peak / 1e9).toFixed(1)} GFLOP/s`);
  print(`${rounds.runs} repetitions of ${rounds.seconds} s each, in turns`);
  const batches = values.quick ? [1, 256] : [1, 64, 256, 4096];
  const sizes = values.quick ? (["nano"] as const) : (["nano", "tiny"] as const);
  const python = findPython(values.peers);
  const frameworks: readonly Framework[] = values.quick ? ["torch", "jax"] : ["torch", "torch.compile", "jax"];
  if (python === undefined) remarks.add(`PyTorch and JAX are missing: npm run bench:peers installs them`);
  const onnx = findOnnx(values.peers, threads);
  if (onnx === undefined) remarks.add("onnxruntime-node is missing: npm run bench:peers installs it");
  try {
    for (const size of sizes) {
      const own = size === "nano" ? batches : [256];
      const model = await openModel(size, join(folder, size), own);
      const peers: Peers = {
        python: python === undefined ? [] : frameworks.map((name) => startPeer(python, name, model.folder, threads)),
        onnx,
      };
      try {
        if (parts.includes("gemm") && size === "nano") await gemm(model);
        if (parts.includes("forward")) {
          head(`Forward pass of ${size}`);
          for (const count of own) await program(model, "forward", "forward", count, peers);
        }
        if (parts.includes("step")) {
          head(`Training step of ${size}`);
          await program(model, "step", "step", 256, peers);
        }
      } finally {
        for (const peer of peers.python) peer.close();
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  print("");
  for (const remark of [...remarks].sort()) print(`- ${remark}`);
  const report = {
    cpu: cpus()[0]?.model,
    threads,
    node: process.version,
    compiler,
    commit,
    peak,
    rounds,
    rows,
    remarks: [...remarks],
  };
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  if (values.svg !== undefined) writeFileSync(values.svg, plotOf(rows));
}

await main();
