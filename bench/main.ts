/**
 * `npm run bench [-- --quick] [--only gemm,grouped,forward,step,memory] [--json FILE] [--svg FILE]`: the CPU kernels and programs against what users
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
import { measurePeak } from "./peers/blas.ts";
import { type Rounds, timeCalls } from "./peers/contender.ts";
import { type Model, openModel, type Program, prepare } from "./peers/model.ts";
import { findOnnx } from "./peers/onnx.ts";
import { type Framework, findPython, type PythonPeer, startPeer } from "./peers/python.ts";
import { plotOf } from "./peers/svg.ts";
import { gemm, grouped } from "./products.ts";
import {
  check,
  compare,
  differenceOf,
  type Entry,
  head,
  memories,
  PARTS,
  type Part,
  print,
  remarks,
  rows,
} from "./table.ts";

const ROOT = join(import.meta.dirname, "..");
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
const rounds: Rounds = values.quick ? { runs: 9, seconds: 0.015 } : { runs: 11, seconds: 0.15 };
const threads = availableParallelism();

/**
 * What a step takes beside weights, their gradients and moments: of tokitai what the library asks for, of PyTorch what the system
 * sees. `start` gives PyTorch in a process of its own, if it is installed.
 */
async function memory(model: Model, count: number, start: (() => PythonPeer) | undefined): Promise<void> {
  const weights = [...model.weights.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  print(`\n### Memory of a training step of ${model.size}, B = ${count}\n`);
  print(`Beside ${(weights / 1e6).toFixed(1)} MB of weights, as much of gradients, and twice as much of moments.\n`);
  print("| contender | MB |\n| --- | --- |");
  const line = (name: string, bytes: number): void => {
    memories.push({ work: `${model.size}, B = ${count}`, contender: name, bytes });
    print(`| ${name} | ${(bytes / 1e6).toFixed(1)} |`);
  };
  for (const [name, entry] of [
    ["tokitai, dense", "moe_step"],
    ["tokitai, sparse", "moe_sparse_step"],
  ] as const) {
    line(name, Number(model.library.workspaceBytes(entry, { B: count })) - weights);
  }
  // Of PyTorch without its compiler, whose own memory would count; a process for each, since what a step has left is used again.
  if (start === undefined) return;
  for (const own of ["step", "sparseStep"] as const) {
    const peer = start();
    const name = own === "sparseStep" ? `${peer.framework}, sparse` : peer.framework;
    try {
      const { bytes, error } = await peer.ask({ do: "memory", program: own, rows: count });
      if (bytes === undefined) remarks.add(`${name} says nothing of memory: ${error?.split("\n")[0]}`);
      else line(name, bytes - 3 * weights);
    } finally {
      peer.close();
    }
  }
}

interface Peers {
  readonly python: readonly PythonPeer[];
  readonly onnx: ReturnType<typeof findOnnx>;
}

async function program(model: Model, part: Part, which: Program, count: number, peers: Peers): Promise<void> {
  const work = `${model.size}, B = ${count}`;
  const entries: Entry[] = [];
  const theirs: readonly Program[] = which === "step" ? ["step", "sparseStep"] : ["forward", "sparse"];
  const ours: readonly Program[] = which === "step" ? theirs : [...theirs, "packed"];
  const isSparse = (program: Program): boolean => program === "sparse" || program === "sparseStep";
  let expected: Float32Array | undefined;
  for (const own of ours) {
    const { call, result } = prepare(model, own, count);
    const found = result();
    const difference = expected === undefined ? 0 : differenceOf(expected, found);
    expected ??= found;
    check(`tokitai ${own}`, work, difference);
    const name = `tokitai, ${own === "packed" ? own : isSparse(own) ? "sparse" : "dense"}`;
    entries.push({ name, ours: true, difference, time: timeCalls(call) });
  }
  const reference = expected ?? new Float32Array(0);
  for (const peer of peers.python) {
    for (const own of theirs) {
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
    for (const own of theirs) {
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
  await compare(rounds, part, work, entries);
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
  const ofTiny = parts.some((part) => part !== "gemm" && part !== "grouped");
  const sizes = values.quick || !ofTiny ? (["nano"] as const) : (["nano", "tiny"] as const);
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
        if (parts.includes("gemm") && size === "nano") await gemm(model, rounds, threads);
        if (parts.includes("grouped") && size === "nano" && !values.quick) await grouped(model, rounds);
        if (parts.includes("forward")) {
          head(`Forward pass of ${size}`);
          for (const count of own) await program(model, "forward", "forward", count, peers);
        }
        if (parts.includes("step")) {
          head(`Training step of ${size}`);
          await program(model, "step", "step", 256, peers);
        }
        if (parts.includes("memory") && size === "tiny") {
          for (const peer of peers.python) peer.close();
          const start = python === undefined ? undefined : () => startPeer(python, "torch", model.folder, threads);
          await memory(model, 256, start);
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
    memories,
    remarks: [...remarks],
  };
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  if (values.svg !== undefined) writeFileSync(values.svg, plotOf(rows));
}

await main();
