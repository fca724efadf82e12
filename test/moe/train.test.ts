/**
 * `tokitai train` as a process: what a run writes, that a killed run ends as if it had not been killed, and what is refused.
 *
 * A small model learns a rule of made-up rows in a second or so; the library is built once.
 */

import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeSafetensors, f32Tensor, readSafetensors, type StoredTensor } from "../../src/data/safetensors.ts";
import { readMetrics } from "../../src/moe/metrics.ts";
import { ROOT, runTokitai } from "../cli/command.ts";
import { numbers } from "../conformance/cases.ts";
import { unwrap } from "../conformance/library.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-train-"));
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = { inputs: 5, hidden: 8, depth: 0, experts: 3, chosen: 2, outcomes: 3, actions: 2 };
const ROWS = 240;
/** At how many moments a run is killed; `npm run kills` has more. */
const MOMENTS = Number(process.env["TOKITAI_KILL_MOMENTS"] ?? "8");
const path = (name: string): string => join(folder, name);

/** Rows whose classes follow from their features. */
function dataset(
  rows: number,
  change: (outcome: Int32Array, action: Int32Array) => void = () => {},
): readonly StoredTensor[] {
  const next = numbers(3);
  const x = Float32Array.from({ length: rows * CONFIG.inputs }, () => 2 * next() - 1);
  const at = (row: number, column: number): number => x[row * CONFIG.inputs + column] ?? 0;
  const outcome = Int32Array.from({ length: rows }, (_, row) => (at(row, 0) > 0.2 ? 2 : at(row, 1) > 0 ? 1 : 0));
  const action = Int32Array.from({ length: rows }, (_, row) => (at(row, 2) > at(row, 3) ? 1 : 0));
  change(outcome, action);
  const integers = (name: string, values: Int32Array): StoredTensor => ({
    name,
    dtype: "I32",
    shape: [rows],
    bytes: new Uint8Array(values.buffer),
  });
  return [f32Tensor("x", [rows, CONFIG.inputs], x), integers("outcome", outcome), integers("action", action)];
}

function store(name: string, tensors: readonly StoredTensor[]): string {
  writeFileSync(path(name), Buffer.concat(encodeSafetensors(tensors, new Map())));
  return path(name);
}

/** The arguments of a run: 3 epochs of about 24 steps, and a checkpoint every 5. */
function training(out: string, ...more: readonly string[]): string[] {
  const sizes = ["--epochs", "3", "--batch", "8", "--warmup", "10", "--rate", "0.01", "--checkpoint-every", "5"];
  const given = ["--data", path("rows.safetensors"), "--config", path("model.json"), "--library", path("library")];
  return ["train", ...given, ...sizes, "-o", path(out), ...more];
}

/** Everything that has to be the same where two runs are. */
function result(out: string): Readonly<Record<string, string>> {
  const files = [
    "metrics.jsonl",
    "model.safetensors",
    ...readdirSync(path(`${out}/checkpoints`)).map((name) => `checkpoints/${name}`),
  ];
  return Object.fromEntries(files.map((name) => [name, readFileSync(path(`${out}/${name}`)).toString("base64")]));
}

beforeAll(() => {
  writeFileSync(path("model.json"), JSON.stringify(CONFIG));
  store("rows.safetensors", dataset(ROWS));
  const built = runTokitai(folder, [
    "compile",
    "moe",
    "--config",
    path("model.json"),
    "-o",
    path("library"),
    "--no-table",
  ]);
  if (built.code !== 0) throw new Error(built.stderr);
  const whole = runTokitai(folder, training("whole"));
  if (whole.code !== 0) throw new Error(whole.stderr);
});

describe("a training run", () => {
  it("learns, and says so in its metrics", () => {
    const { run, steps, epochs } = unwrap(readMetrics(path("whole/metrics.jsonl")));
    expect(run.rows.train + run.rows.validation + run.rows.test).toBe(ROWS);
    expect(epochs).toHaveLength(3);
    expect(steps).toHaveLength(3 * Math.ceil(run.rows.train / 8));
    for (const { rows, load, scale } of steps) {
      expect(load.reduce((sum, count) => sum + count, 0)).toBe(2 * rows);
      expect(scale).toBeGreaterThan(0);
    }
    expect(epochs[2]?.train.loss).toBeLessThan(0.8 * (epochs[0]?.train.loss ?? 0));
    expect(epochs[2]?.train.accuracy[0]).toBeGreaterThan(0.6);
  });

  it("keeps the last checkpoints, and a model that other programs read", () => {
    expect(readdirSync(path("whole/checkpoints"))).toHaveLength(3);
    const { tensors } = unwrap(readSafetensors(path("whole/model.safetensors")));
    const names = tensors.map(({ name }) => name);
    expect(names.slice(0, 4)).toEqual(["router.weight", "router.bias", "experts.0.0.weight", "experts.0.0.bias"]);
    expect(names.filter((name) => /^(mean|square)\./.test(name))).toEqual([]);
  });

  it("is the same bit by bit a second time, and another with another seed", () => {
    expect(runTokitai(folder, training("again")).code).toBe(0);
    expect(result("again")).toEqual(result("whole"));
    expect(runTokitai(folder, training("other", "--seed", "8")).code).toBe(0);
    expect(result("other")["model.safetensors"]).not.toEqual(result("whole")["model.safetensors"]);
  });

  it("gives its table as JSON", () => {
    const { code, stdout } = runTokitai(folder, training("json", "--format", "json"));
    expect(code).toBe(0);
    const summary = JSON.parse(stdout);
    expect(summary).toMatchObject({ epochs: 3, stoppedEarly: false, heads: [{ name: "outcome" }, { name: "action" }] });
    for (const { accuracy, majority } of summary.heads) expect(accuracy.train).toBeGreaterThan(majority.train);
  });

  it("takes .npy files", () => {
    const { tensors } = unwrap(readSafetensors(path("rows.safetensors")));
    const npy = (name: string, descr: string, shape: string, bytes: Uint8Array): void => {
      const header = `${`{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117)}\n`;
      writeFileSync(path(name), Buffer.concat([Buffer.from(`\x93NUMPY\x01\x00v\x00${header}`, "latin1"), bytes]));
    };
    const [x, outcome, action] = tensors.map(({ bytes }) => bytes.slice());
    if (x === undefined || outcome === undefined || action === undefined) throw new Error("no data");
    const [first, second] = [new Int32Array(outcome.buffer), new Int32Array(action.buffer)];
    const pairs = Int32Array.from({ length: 2 * ROWS }, (_, i) => (i % 2 === 0 ? first : second)[i >> 1] ?? 0);
    npy("x.npy", "<f4", `${ROWS}, ${CONFIG.inputs}`, x);
    npy("classes.npy", "<i4", `${ROWS}, 2`, new Uint8Array(pairs.buffer));
    const args = training("npy", "--labels", path("classes.npy")).map((arg) =>
      arg === path("rows.safetensors") ? path("x.npy") : arg,
    );
    const ended = runTokitai(folder, args);
    expect(ended.stderr).not.toContain("error");
    expect(result("npy")).toEqual(result("whole"));
  });

  it("stops early where the validation loss does not fall, and has the weights of its best epoch", () => {
    const args = ["--epochs", "40", "--patience", "1", "--rate", "0.3", "--format", "json"];
    const { code, stdout } = runTokitai(folder, training("early", ...args));
    expect(code).toBe(0);
    const { epochs, bestEpoch, stoppedEarly, loss } = JSON.parse(stdout);
    expect(stoppedEarly).toBe(true);
    expect(epochs).toBe(bestEpoch + 1);
    const journal = unwrap(readMetrics(path("early/metrics.jsonl")));
    expect(loss.validation).toBeCloseTo(journal.epochs[bestEpoch - 1]?.validation?.loss ?? 0, 12);
  });

  it("gives the right result with a batch of one row, where most experts get none", () => {
    const { code } = runTokitai(folder, training("one", "--batch", "1", "--epochs", "1"));
    expect(code).toBe(0);
    const { steps } = unwrap(readMetrics(path("one/metrics.jsonl")));
    expect(steps.every(({ load }) => load.filter((count) => count === 0).length === 1)).toBe(true);
    expect(steps.every(({ loss }) => loss !== null)).toBe(true);
  });
});

describe("a run that is killed", () => {
  /** Runs until its metrics have so many bytes, and a little longer; true where it had not ended before. */
  function runUntil(out: string, bytes: number, delay: number): Promise<boolean> {
    const child = spawn(process.execPath, [join(ROOT, "bin/tokitai.js"), ...training(out)], {
      cwd: folder,
      stdio: "ignore",
    });
    const size = (): number => statSync(path(`${out}/metrics.jsonl`), { throwIfNoEntry: false })?.size ?? 0;
    const watch = setInterval(() => {
      if (size() < bytes) return;
      clearInterval(watch);
      setTimeout(() => child.kill("SIGKILL"), delay);
    }, 1);
    return new Promise((resolve) =>
      child.on("close", (_code, signal) => {
        clearInterval(watch);
        resolve(signal === "SIGKILL");
      }),
    );
  }

  it(`goes on and ends with the same weights bit by bit, from ${MOMENTS} moments`, async () => {
    const expected = result("whole");
    const whole = statSync(path("whole/metrics.jsonl")).size;
    const next = numbers(20);
    let [killed, withCheckpoint] = [0, 0];
    for (let moment = 0; moment < MOMENTS; moment++) {
      const out = `killed${moment}`;
      // One moment in each part of the run, the first before anything is written, and up to 4 ms after it.
      const bytes = moment === 0 ? 0 : (whole * (moment - 1 + next())) / MOMENTS;
      if (await runUntil(out, bytes, moment === 0 ? 100 * next() : 4 * next())) killed++;
      if (existsSync(path(`${out}/checkpoints`))) withCheckpoint++;
      const resumed = runTokitai(folder, training(out, "--resume"));
      expect(resumed.stderr).not.toContain("error");
      expect(result(out), `killed at moment ${moment}`).toEqual(expected);
    }
    expect(killed).toBeGreaterThanOrEqual(Math.floor(0.9 * MOMENTS));
    expect(withCheckpoint).toBeGreaterThanOrEqual(MOMENTS / 2);
  });
});

describe("bad input", () => {
  const refused = (args: readonly string[]): string => {
    const { code, stderr } = runTokitai(folder, args);
    expect(code).toBe(3);
    return stderr;
  };

  it("is a folder that holds a run", () => {
    const before = result("whole");
    expect(refused(training("whole"))).toMatch(/error TK587: the folder holds a training run[\s\S]*--resume/);
    expect(result("whole")).toEqual(before);
  });

  it("is a batch that is larger than the data", () => {
    const text = refused(training("large", "--batch", "500"));
    expect(text).toMatch(
      /error TK583: the batch has 500 rows, and the training split \d+[\s\S]*give --batch \d+ or less/,
    );
  });

  it("is a class that the model does not have", () => {
    store(
      "bad.safetensors",
      dataset(ROWS, (outcome) => outcome.set([3], 17)),
    );
    const args = training("class").map((arg) => (arg === path("rows.safetensors") ? path("bad.safetensors") : arg));
    expect(refused(args)).toMatch(
      /error TK584: row 17 has the outcome 3, and the model has 3 of them[\s\S]*bad\.safetensors/,
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("is a feature that is %d", (value) => {
    const [x, ...labels] = dataset(ROWS);
    if (x === undefined) throw new Error("no data");
    const features = new Float32Array(x.bytes.slice().buffer);
    features[7 * CONFIG.inputs + 2] = value;
    store("nan.safetensors", [f32Tensor("x", [ROWS, CONFIG.inputs], features), ...labels]);
    const args = training("nan").map((arg) => (arg === path("rows.safetensors") ? path("nan.safetensors") : arg));
    expect(refused(args)).toMatch(
      new RegExp(`error TK584: row 7 has the feature ${value} in column 2[\\s\\S]*nan\\.safetensors`),
    );
    expect(existsSync(path("nan"))).toBe(false);
  });

  it("is a row with a class that the schema does not know", () => {
    const schema = {
      format: 1,
      name: "small",
      features: [{ kind: "numeric", column: "a" }],
      labels: [
        { kind: "listed", name: "outcome", column: "o", classes: ["yes", "no"] },
        { kind: "listed", name: "action", column: "p", classes: ["go", "stop"] },
      ],
    };
    writeFileSync(path("small.schema.json"), JSON.stringify(schema));
    writeFileSync(path("small.csv"), "a,o,p\n1,yes,go\n2,maybe,stop\n");
    const args = ["train", "--data", path("small.csv"), "--schema", path("small.schema.json"), "-o", path("small")];
    expect(refused(args)).toMatch(/error TK530: "maybe" is not a class of the label "outcome"[\s\S]*small\.csv:3/);
  });

  it("is more chosen experts than there are", () => {
    writeFileSync(path("few.json"), JSON.stringify({ ...CONFIG, chosen: 4 }));
    const { code, stderr } = runTokitai(folder, ["train", "--config", path("few.json"), "-o", path("few")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/error TK270: model configuration chosen: expected at most the number of experts/);
  });

  it("is a checkpoint of another configuration", () => {
    cpSync(path("whole"), path("moved"), { recursive: true });
    const text = refused(training("moved", "--resume", "--rate", "0.02"));
    expect(text).toMatch(/error TK578: the checkpoint is of another configuration: rate is 0\.01 there and 0\.02 here/);
  });

  it("is a library of another model", () => {
    writeFileSync(path("wide.json"), JSON.stringify({ ...CONFIG, hidden: 9 }));
    const args = training("wide").map((arg) => (arg === path("model.json") ? path("wide.json") : arg));
    expect(refused(args)).toMatch(
      /error TK562: experts\.0\.0\.weight is \[9, 5\] in the model and \[8, 5\] in the library/,
    );
  });

  it("is metrics that do not reach the checkpoint", () => {
    cpSync(path("whole"), path("cut"), { recursive: true });
    const lines = readFileSync(path("cut/metrics.jsonl"), "utf8").split("\n");
    writeFileSync(path("cut/metrics.jsonl"), `${lines.slice(0, 20).join("\n")}\n`);
    expect(refused(training("cut", "--resume"))).toMatch(/error TK586: the metrics are not those of the \d+ steps/);
  });

  it("is a learning rate at which numbers leave the range of f32: the step and its first tensor are named", () => {
    const text = refused(training("diverged", "--rate", "1e30", "--warmup", "20"));
    const found =
      /error TK585: step (\d+) \(epoch \d+\) has no finite result; the first tensor is (\S+), which (\S+) computes; (.*)/.exec(
        text,
      );
    expect(found).not.toBeNull();
    const { steps } = unwrap(readMetrics(path("diverged/metrics.jsonl")));
    expect(steps).toHaveLength(Number(found?.[1]) - 1);
    expect(steps.every(({ loss }) => loss !== null)).toBe(true);
  });

  it("is a learning rate at which an update leaves the range of f32: no such weights are stored", () => {
    // The largest f32 is 3.4028e38: the first loss is finite, and AdamW's first update, of up to 1 + decay·weight rates, is not.
    const args = ["--rate", "3.4e38", "--warmup", "0", "--schedule", "constant", "--checkpoint-every", "1"];
    const text = refused(training("overflow", ...args));
    expect(text).toMatch(
      /error TK585: step 1 \(epoch 1\) has no finite result; .*; no checkpoint was written before it/,
    );
    expect(existsSync(path("overflow/checkpoints"))).toBe(false);
  });

  it("is a learning rate beyond f32", () => {
    const { code, stderr } = runTokitai(folder, training("beyond", "--rate", "1e39"));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /error TK001: [^\n]*'1e39' is invalid\s+fix\s+give a number above 0, within the range of f32/,
    );
  });

  it("is a disk without room: what was written stays, and the run goes on when there is room", () => {
    // No file may become larger than some kilobytes: first the metrics fail, then, with less, the first checkpoint.
    for (const [kilobytes, message] of [
      [24, /error TK588: the file cannot be written: EFBIG[\s\S]*metrics\.jsonl/],
      [8, /error TK579: the checkpoint of step 5 cannot be written: EFBIG/],
    ] as const) {
      const out = `full${kilobytes}`;
      const command = `trap '' XFSZ; ulimit -f ${kilobytes}; exec "$@"`;
      const args = ["-c", command, "bash", process.execPath, join(ROOT, "bin/tokitai.js"), ...training(out)];
      const { status, stderr } = spawnSync("bash", args, { cwd: folder, encoding: "utf8" });
      expect(status).toBe(3);
      expect(stderr).toMatch(message);
      const left = existsSync(path(`${out}/checkpoints`)) ? readdirSync(path(`${out}/checkpoints`)) : [];
      expect(left.filter((name) => !/^step-\d+\.safetensors$/.test(name))).toEqual([]);
      expect(left.length > 0).toBe(kilobytes === 24);
      expect(runTokitai(folder, training(out, "--resume")).code).toBe(0);
      expect(result(out)).toEqual(result("whole"));
    }
  });
});
