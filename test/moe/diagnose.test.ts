/**
 * `tokitai diagnose`: a run without faults has none, each planted fault has its verdict, and the page can be read in a
 * browser without a network.
 */

import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer, { type Browser } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeSafetensors, f32Tensor, type StoredTensor } from "../../src/data/safetensors.ts";
import { latestCheckpoint, writeCheckpoint } from "../../src/moe/checkpoint.ts";
import { parseMoeConfig } from "../../src/moe/config.ts";
import { type Diagnosis, diagnose as judge } from "../../src/moe/diagnose/diagnose.ts";
import { readRun } from "../../src/moe/diagnose/read-run.ts";
import { readMetrics, renderJournal } from "../../src/moe/metrics.ts";
import { readArrays } from "../../src/moe/train/data.ts";
import { type CpuLibrary, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import { runTokitai } from "../cli/command.ts";
import { numbers } from "../conformance/cases.ts";
import { unwrap } from "../conformance/library.ts";
import { findChromium } from "./chromium.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-diagnose-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

const CONFIG = { inputs: 4, hidden: 8, depth: 0, experts: 4, chosen: 2, outcomes: 3, actions: 2 };
const ROWS = 600;

const GIVEN = ["--config", path("model.json"), "--data", path("rows.safetensors")];

function run(args: readonly string[]): void {
  const { code, stderr } = runTokitai(folder, args);
  if (code !== 0) throw new Error(`${args.join(" ")}: ${code}\n${stderr}`);
}

beforeAll(() => {
  const next = numbers(8);
  const x = Float32Array.from({ length: ROWS * CONFIG.inputs }, () => 2 * next() - 1);
  const labels = (name: string, classes: number): StoredTensor => {
    const values = Int32Array.from({ length: ROWS }, (_, row) =>
      Math.floor(((x[4 * row] ?? 0) + 1) * 0.4999 * classes),
    );
    return { name, dtype: "I32", shape: [ROWS], bytes: new Uint8Array(values.buffer) };
  };
  const tensors = [f32Tensor("x", [ROWS, CONFIG.inputs], x), labels("outcome", 3), labels("action", 2)];
  writeFileSync(path("rows.safetensors"), Buffer.concat(encodeSafetensors(tensors, new Map())));
  writeFileSync(path("model.json"), JSON.stringify(CONFIG));
  run(["compile", "moe", "--config", path("model.json"), "-o", path("library"), "--no-table"]);
  const sizes = ["--epochs", "4", "--batch", "32", "--warmup", "5", "--rate", "0.005", "-o", path("run")];
  run(["train", ...GIVEN, "--library", path("library"), ...sizes]);
});

interface Found {
  readonly code: number | null;
  readonly diagnosis: Diagnosis;
}

function diagnose(name: string, library = "library"): Found {
  const args = ["diagnose", path(name), ...GIVEN, "--library", path(library), "--format", "json"];
  const { code, stdout, stderr } = runTokitai(folder, args);
  if (stdout === "") throw new Error(stderr);
  return { code, diagnosis: JSON.parse(stdout) };
}

const faults = ({ diagnosis }: Found): readonly string[] =>
  diagnosis.checks.filter(({ verdict }) => verdict === "fault").map(({ name }) => name);

/** A copy of the run whose last checkpoint has other weights. */
function withWeights(name: string, change: (tensor: string, values: Float32Array) => void): string {
  cpSync(path("run"), path(name), { recursive: true });
  const { run: line } = unwrap(readMetrics(path("run/metrics.jsonl")));
  const { checkpoint } = unwrap(latestCheckpoint(path(`${name}/checkpoints`), line.configuration));
  if (checkpoint === undefined) throw new Error("no checkpoint");
  const changed = checkpoint.tensors.map(({ name: tensor, shape, bytes }) => {
    const values = new Float32Array(bytes.slice().buffer);
    change(tensor, values);
    return f32Tensor(tensor, shape, values);
  });
  unwrap(writeCheckpoint(path(`${name}/checkpoints`), checkpoint.step + 1, changed, checkpoint, 3));
  return name;
}

describe("a diagnosis", () => {
  it("finds no fault in a run that has none, and the right numbers", () => {
    const found = diagnose("run");
    expect(faults(found)).toEqual([]);
    expect(found.code).toBe(0);
    const { router, confusion, history } = found.diagnosis;
    expect(router.load.reduce((sum, count) => sum + count, 0)).toBe(2 * router.rows);
    for (const { counts, accuracy } of confusion) {
      const right = counts.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
      expect(counts.flat().reduce((sum, count) => sum + count, 0)).toBe(router.rows);
      expect(right / router.rows).toBeCloseTo(accuracy, 12);
    }
    expect(history.at(-1)?.step).toBe(unwrap(readMetrics(path("run/metrics.jsonl"))).steps.length);
  });

  it("prints the same as text", () => {
    const { code, stdout } = runTokitai(folder, ["diagnose", path("run"), ...GIVEN, "--library", path("library")]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok +forward pass .* 0 elements outside the bounds/m);
    expect(stdout).toMatch(/verdict: (ok|warning)\n$/);
  });

  it("names a dead expert", () => {
    const name = withWeights("dead", (tensor, values) => {
      if (tensor === "average.router.bias") values[2] = -50;
    });
    const found = diagnose(name);
    expect(faults(found)).toEqual(["load"]);
    expect(found.code).toBe(3);
    expect(found.diagnosis.checks.find((check) => check.name === "load")?.fact).toMatch(/as good as dead: expert 2$/);
  });

  it("sees that a router has collapsed: all rows choose the same experts", () => {
    const name = withWeights("collapsed", (tensor, values) => {
      if (tensor === "average.router.weight") values.fill(0);
      if (tensor === "average.router.bias") values.set([8, 2, -5, -5]);
    });
    expect(faults(diagnose(name))).toEqual(["load", "entropy", "choice"]);
  });

  it.each([
    ["router path", "moe_backward", "d.router.weight"],
    ["expert path", "moe_backward", "d.experts.1.0.weight"],
    ["gradient of x", "moe_backward", "d.x"],
    ["sparse forward pass", "moe_sparse_forward", "y"],
  ])("names the %s where its results are wrong", async (name, own, output) => {
    const config = unwrap(parseMoeConfig(CONFIG));
    const data = unwrap(readArrays(path("rows.safetensors"), undefined, config));
    const library = unwrap(openCpuLibrary(path("library")));
    // As a library would be whose path counts everything twice.
    const wrong: CpuLibrary = {
      ...library,
      call: (program, args) => {
        library.call(program, args);
        const result = program === own ? args.tensors[output] : undefined;
        if (result instanceof Float32Array) for (const [i, value] of result.entries()) result[i] = 2 * value;
      },
    };
    const read = unwrap(await readRun(path("run"), config, data));
    const rows = data.rows.validation;
    const found = judge({ library: wrong, config, data, rows, sample: 8, ...read });
    expect(found.verdict).toBe("fault");
    expect(found.checks.filter(({ verdict }) => verdict === "fault").map((check) => check.name)).toEqual([name]);
    expect(found.checks.find((check) => check.name === name)?.fact).toContain(`(${output})`);
  });

  it("sees a norm that explodes, and in which path", () => {
    cpSync(path("run"), path("exploding"), { recursive: true });
    const journal = unwrap(readMetrics(path("run/metrics.jsonl")));
    const steps = journal.steps.map((step, i) =>
      i < journal.steps.length - 2 ? step : { ...step, norms: { ...step.norms, router_path: 1e7 } },
    );
    writeFileSync(path("exploding/metrics.jsonl"), renderJournal({ ...journal, steps }));
    expect(faults(diagnose("exploding"))).toEqual(["norm of the router path", "growth of the router path"]);
  });

  it("refuses a folder without a run, other data, and another model", () => {
    const refused = (...args: readonly string[]): string => {
      const { code, stderr } = runTokitai(folder, ["diagnose", ...args, "--library", path("library")]);
      expect(code).toBe(3);
      return stderr;
    };
    expect(refused(path("nowhere"), ...GIVEN)).toMatch(/error TK580/);
    cpSync(path("run"), path("empty"), { recursive: true });
    rmSync(path("empty/checkpoints"), { recursive: true });
    expect(refused(path("empty"), ...GIVEN)).toMatch(/error TK589/);
    const tensors = [f32Tensor("x", [3, 4], new Float32Array(12))];
    const zeros = ["outcome", "action"].map(
      (name): StoredTensor => ({ name, dtype: "I32", shape: [3], bytes: new Uint8Array(12) }),
    );
    writeFileSync(path("other.safetensors"), Buffer.concat(encodeSafetensors([...tensors, ...zeros], new Map())));
    expect(refused(path("run"), "--config", path("model.json"), "--data", path("other.safetensors"))).toMatch(
      /error TK590/,
    );
  });
});

const chromium = findChromium();

describe.skipIf(chromium === undefined)("the page, in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    const args = ["diagnose", path("run"), ...GIVEN, "--library", path("library"), "--format", "html"];
    run([...args, "-o", path("report.html")]);
    browser = await puppeteer.launch({ executablePath: chromium ?? "", args: ["--no-sandbox"] });
  });
  afterAll(() => browser?.close());

  it.each([
    [400, "light"],
    [1_400, "dark"],
  ] as const)("is readable at %i pixels, %s, and asks for nothing", async (width, scheme) => {
    const page = await browser.newPage();
    const [requests, messages]: [string[], string[]] = [[], []];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => messages.push(message.text()));
    page.on("pageerror", (cause) => messages.push(String(cause)));
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.goto(`file://${path("report.html")}`);
    expect(requests).toEqual([`file://${path("report.html")}`]);
    expect(messages).toEqual([]);
    const seen = await page.evaluate(`({
      width: document.documentElement.scrollWidth,
      verdict: document.querySelector('[role="status"]').textContent,
      headings: [...document.querySelectorAll("h2")].map((heading) => heading.textContent),
      plots: [...document.querySelectorAll("figure svg")].map((plot) => ({
        label: plot.getAttribute("aria-label"),
        lines: [...plot.querySelectorAll('[aria-label="line"] path')].filter((line) => line.getTotalLength() > 100).length,
        width: plot.getBoundingClientRect().width,
      })),
      tables: document.querySelectorAll("details table tbody tr").length,
      ink: getComputedStyle(document.body).color,
      paper: getComputedStyle(document.body).backgroundColor,
    })`);
    expect(seen).toMatchObject({ width, verdict: expect.stringMatching(/^Verdict: (ok|warning)$/) });
    const { plots, headings, tables, ink, paper } = Object(seen);
    expect(plots.map(({ label, lines }: { label: string; lines: number }) => [label, lines])).toEqual([
      ["Load per expert over time", 4],
      ["Entropy of the router", 2],
      ["Margin", 1],
      ["Gradient norm per path, before clipping", 2],
      ["Loss", 1],
    ]);
    for (const { width: own } of plots) expect(own).toBeLessThanOrEqual(width);
    expect(headings.filter((text: string) => text.startsWith("Confusion"))).toHaveLength(2);
    expect(tables).toBeGreaterThan(50);
    expect([ink, paper]).toEqual(
      scheme === "light" ? ["rgb(27, 31, 36)", "rgb(255, 255, 255)"] : ["rgb(230, 237, 243)", "rgb(13, 17, 23)"],
    );
    await page.close();
  });
});
