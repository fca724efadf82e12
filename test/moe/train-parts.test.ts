/** The parts of training by themselves: the order of rows, the learning rate, metrics, and arrays of NumPy. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readNpy } from "../../src/data/npy.ts";
import { journalUntil, readMetrics, renderJournal } from "../../src/moe/metrics.ts";
import { addToAverages, averagesOf } from "../../src/moe/train/average.ts";
import { rateAt } from "../../src/moe/train/schedule.ts";
import { epochOrder } from "../../src/moe/train/shuffle.ts";
import { stateOf } from "../../src/moe/train/state.ts";
import { unwrap } from "../conformance/library.ts";
import { hasPython, runPython } from "./python.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-parts-"));
afterAll(() => rmSync(folder, { recursive: true }));
const codesOf = (result: { ok: boolean; diagnostics?: readonly { code: string }[] }): readonly string[] =>
  result.ok ? [] : (result.diagnostics ?? []).map(({ code }) => code);

describe("the order of an epoch", () => {
  it.each([0, 1, 2, 5, 1_000])("has each of %i rows once", (rows) => {
    expect([...epochOrder(rows, 7n, 3)].sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
  });

  it("follows from the seed and the epoch", () => {
    const order = epochOrder(100, 7n, 1);
    expect(epochOrder(100, 7n, 1)).toEqual(order);
    expect(epochOrder(100, 7n, 2)).not.toEqual(order);
    expect(epochOrder(100, 8n, 1)).not.toEqual(order);
  });

  it("prefers no place", () => {
    // The place of row 0 among 4, over 4,000 epochs: 1,000 each, with a deviation of 27.
    const places = [0, 0, 0, 0];
    for (let epoch = 1; epoch <= 4_000; epoch++) {
      const place = epochOrder(4, 1n, epoch).indexOf(0);
      places[place] = (places[place] ?? 0) + 1;
    }
    for (const count of places) expect(Math.abs(count - 1_000)).toBeLessThan(5 * 27);
  });
});

describe("the learning rate", () => {
  const options = { rate: 0.8, warmup: 4, schedule: "cosine" } as const;

  it("rises to its value, and falls to 0 by half a cosine", () => {
    expect([1, 2, 3, 4].map((step) => rateAt(step, 104, options))).toEqual([0.2, 0.4, 0.6000000000000001, 0.8]);
    expect(rateAt(54, 104, options)).toBeCloseTo(0.4, 12);
    expect(rateAt(104, 104, options)).toBeCloseTo(0, 12);
  });

  it("stays, where it is constant or all steps are in the rise", () => {
    expect(rateAt(90, 104, { ...options, schedule: "constant" })).toBe(0.8);
    expect(rateAt(1, 1, { ...options, warmup: 0 })).toBeCloseTo(0, 12);
    expect(rateAt(3, 3, { ...options, warmup: 10 })).toBeCloseTo(0.24, 12);
  });
});

describe("the state", () => {
  const dense = new Map([
    ["router.bias", Float32Array.of(1, 2)],
    ["experts.0.0.bias", Float32Array.of(3)],
    ["experts.1.0.bias", Float32Array.of(4)],
    ["mean.experts.0.0.bias", Float32Array.of(5)],
    ["mean.experts.1.0.bias", Float32Array.of(6)],
  ]);

  it("has the tensors of files as parts of those that the sparse step changes", () => {
    const { parts, stacked } = stateOf(dense);
    expect(parts).toEqual(dense);
    expect([...stacked.keys()]).toEqual(["router.bias", "experts.0.bias", "mean.experts.0.bias"]);
    stacked.get("mean.experts.0.bias")?.set([7, 8]);
    expect([...(parts.get("mean.experts.0.0.bias") ?? []), ...(parts.get("mean.experts.1.0.bias") ?? [])]).toEqual([
      7, 8,
    ]);
    parts.get("experts.1.0.bias")?.fill(9);
    expect([...(stacked.get("experts.0.bias") ?? [])]).toEqual([3, 9]);
  });

  it("is averaged in memory of its own, weights alone", () => {
    const state = stateOf(dense);
    const averages = averagesOf(state);
    expect([...averages.parts.keys()]).toEqual(["router.bias", "experts.0.0.bias", "experts.1.0.bias"]);
    state.stacked.get("experts.0.bias")?.set([13, 24]);
    expect([...(averages.parts.get("experts.1.0.bias") ?? [])]).toEqual([4]);
    // In step 1 the average is the weight; in step 11 it has half of the way to go.
    addToAverages(averages, state, 11);
    expect([...(averages.stacked.get("experts.0.bias") ?? [])]).toEqual([8, 14]);
    addToAverages(averages, state, 1);
    expect([...(averages.parts.get("experts.1.0.bias") ?? [])]).toEqual([24]);
  });
});

describe("metrics", () => {
  const run = {
    kind: "run",
    format: 1,
    configuration: { seed: "7" },
    heads: [
      { name: "a", classes: ["x"] },
      { name: "b", classes: ["y"] },
    ],
    rows: { train: 2, validation: 0, test: 0 },
  };
  const step = (number: number) => ({
    ...{ kind: "step", step: number, epoch: Math.ceil(number / 2), rows: 1, rate: 0.1, loss: 1, crossEntropy: 1 },
    ...{ balance: null, z: null, correct: [0, 1], load: [1, 1], meanEntropy: 0.5, entropyOfMean: 0.6, margin: 0.1 },
    ...{ norms: { router_path: 1, expert_path: 2 }, scale: 1 },
  });
  const epoch = (number: number) => ({
    ...{ kind: "epoch", epoch: number, step: 2 * number, train: { loss: 1, accuracy: [0, 1] }, load: [2, 2] },
  });
  const write = (...lines: readonly unknown[]): string => {
    const path = join(folder, "metrics.jsonl");
    writeFileSync(path, lines.map((line) => (typeof line === "string" ? line : `${JSON.stringify(line)}\n`)).join(""));
    return path;
  };

  it("are read, cut at a step, and written as they were", () => {
    const lines = [run, step(1), step(2), epoch(1), step(3)];
    const journal = unwrap(readMetrics(write(...lines)));
    expect(renderJournal(journal)).toBe(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const cut = journalUntil(journal, 2);
    expect([cut.steps.length, cut.epochs.length, cut.complete]).toEqual([2, 1, true]);
    expect(journalUntil(journal, 4).complete).toBe(false);
  });

  it("may end in a line that is cut off", () => {
    expect(unwrap(readMetrics(write(run, step(1), '{"kind":"st'))).steps).toHaveLength(1);
  });

  it.each([
    ["nothing", []],
    ["no first line", [step(1)]],
    ["a second first line", [run, run]],
    ["a step too many", [run, step(2)]],
    ["an epoch too many", [run, epoch(2)]],
    ["a line that is no JSON", [run, "hello\n", step(1)]],
    ["an unknown field", [run, { ...step(1), time: 3 }]],
  ])("are refused with %s", (_, lines) => {
    expect(codesOf(readMetrics(write(...lines)))).toEqual(["TK581"]);
  });

  it("are refused where they are not there", () => {
    expect(codesOf(readMetrics(join(folder, "nowhere")))).toEqual(["TK580"]);
  });
});

describe(".npy files", () => {
  const file = (header: string, data: Uint8Array, version: readonly [number, number] = [1, 0]): string => {
    const length = version[0] === 1 ? Buffer.alloc(2) : Buffer.alloc(4);
    if (version[0] === 1) length.writeUInt16LE(header.length);
    else length.writeUInt32LE(header.length);
    const path = join(folder, "x.npy");
    writeFileSync(
      path,
      Buffer.concat([
        Buffer.from("\x93NUMPY", "latin1"),
        Buffer.from(version),
        length,
        Buffer.from(header, "latin1"),
        data,
      ]),
    );
    return path;
  };
  const header = (descr: string, shape: string, order = "False"): string =>
    `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
  const bytes = (count: number): Uint8Array => new Uint8Array(count);

  it.skipIf(!hasPython())("of numpy are read: each type, version and shape", () => {
    const script = `
import sys, numpy as np
from numpy.lib import format
for dtype in ("<f4", "<f8", "<i4", "<i8"):
    for shape in ((), (0, 3), (5,), (2, 3)):
        for version in ((1, 0), (2, 0), (3, 0)):
            x = (np.arange(int(np.prod(shape))) - 2).reshape(shape).astype(dtype)
            name = f"{sys.argv[1]}/{dtype[1:]}-{len(shape)}-{x.size}-{version[0]}.npy"
            with open(name, "wb") as file: format.write_array(file, x, version)
            print(name)
`;
    for (const path of runPython(script, folder).trim().split("\n")) {
      const { shape, values } = unwrap(readNpy(path));
      const [, rank, size] = /-(\d)-(\d+)-\d\.npy$/.exec(path)?.map(Number) ?? [];
      expect(shape, path).toHaveLength(rank ?? -1);
      expect(Array.from(values as ArrayLike<number | bigint>, Number), path).toEqual(
        Array.from({ length: size ?? -1 }, (_, i) => i - 2),
      );
    }
  });

  it.each<readonly [string, string, () => string]>([
    ["TK565", "cannot be read", () => join(folder, "nowhere.npy")],
    ["TK566", "no .npy file", () => file("", bytes(0)).replace("x.npy", "metrics.jsonl")],
    ["TK566", "another version", () => file(header("<f4", "(1,)"), bytes(4), [4, 0])],
    ["TK567", "a malformed header", () => file("{'descr': '<f4'}\n", bytes(4))],
    [
      "TK567",
      "code in the header",
      () => file("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}", bytes(4)),
    ],
    [
      "TK567",
      "a key twice",
      () => file("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", bytes(4)),
    ],
    ["TK568", "big-endian elements", () => file(header(">f4", "(1,)"), bytes(4))],
    ["TK568", "objects", () => file(header("|O", "(1,)"), bytes(8))],
    ["TK568", "Fortran order", () => file(header("<f4", "(2, 2)", "True"), bytes(16))],
    ["TK569", "bytes missing", () => file(header("<f4", "(3,)"), bytes(8))],
    ["TK569", "bytes too many", () => file(header("<f4", "(3,)"), bytes(16))],
    ["TK569", "a shape beyond all files", () => file(header("<f8", "(99999999999999, 99999999999999)"), bytes(8))],
  ])("are refused with %s: %s", (code, _, make) => {
    expect(codesOf(readNpy(make()))).toEqual([code]);
  });
});
