/**
 * `npm run bench:verify [-- --runs N]`: how long `tokitai verify kernels` takes, as Markdown for docs/benchmarks.md.
 *
 * Every run is a process of its own, as a user starts it: *cold* without a cache, *warm* with the cache of an earlier run.
 * The same is measured for copies of the kernels whose dimensions are fixed to one size, and for copies that allow any;
 * none of them claims an operation, since equivalence is proved at small sizes whatever the contract allows. A kernel whose
 * contract or limits contradict a size is named and left out of all copies. CPU time is that of all processes of a run.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { OBLIGATION_KINDS } from "../../src/verify/obligation.ts";
import { fixSizes, withoutClaims } from "./fixed-sizes.ts";

const ROOT = join(import.meta.dirname, "../..");
const KERNELS = join(ROOT, "kernels");
/** `undefined`: any. */
const SIZES = [undefined, 10, 10_000];

const { values } = parseArgs({ options: { runs: { type: "string", default: "5" } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs is a number of runs, at least 1");

const reportSchema = z.object({
  obligations: z.array(
    z.object({
      id: z.string(),
      kernel: z.string(),
      kind: z.enum(OBLIGATION_KINDS),
      verdict: z.enum(["proved", "refuted", "unknown"]),
      solverMs: z.number(),
      queryHash: z.string(),
    }),
  ),
});
type Obligation = z.infer<typeof reportSchema>["obligations"][number];

interface Run {
  readonly wall: number;
  readonly cpu: number;
  readonly obligations: readonly Obligation[];
}

/** One run on `<cwd>/kernels`. Bash's `time` measures it with all processes that it starts. */
function verify(cwd: string, options: readonly string[]): Run {
  const command = [process.execPath, join(ROOT, "bin/tokitai.js"), "verify", "kernels", "-q", "--format", "json"];
  const script = 'TIMEFORMAT="%R %U %S"; { time "$@" 2>/dev/null; } 2>&3';
  const { stdout, output, error } = spawnSync("bash", ["-c", script, "bash", ...command, ...options], {
    cwd,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "inherit", "pipe"],
  });
  if (error) throw error;
  const [wall, user, system] = (output[3] ?? "").trim().split(" ").map(Number);
  if (wall === undefined || user === undefined || system === undefined) throw new Error(`no times: ${output[3]}`);
  const { obligations } = reportSchema.parse(JSON.parse(stdout));
  if (obligations.length === 0) throw new Error(`nothing was proved in ${cwd}`);
  return { wall, cpu: user + system, obligations };
}

interface Measured {
  readonly title: string;
  /** The folder that has `kernels`. */
  readonly cwd: string;
  readonly cold: Run[];
  readonly warm: Run[];
}

/** The subjects take turns, so that other work on the machine disturbs all of them alike. */
function measure(subjects: readonly Measured[], caches: string): void {
  const cacheOf = ({ title }: Measured): readonly string[] => ["--cache-dir", join(caches, title.replace(/\W/g, "-"))];
  for (const subject of subjects) verify(subject.cwd, cacheOf(subject));
  for (let run = 0; run < runs; run++) {
    for (const { cwd, cold } of subjects) cold.push(verify(cwd, ["--no-cache"]));
    for (const subject of subjects) subject.warm.push(verify(subject.cwd, cacheOf(subject)));
  }
}

/** Writes `<folder>/kernels`, all but the kernels of these names; a file without kernels is copied as it is. */
function writeCopies(folder: string, size: number | undefined, without: ReadonlySet<string>): void {
  rmSync(join(folder, "kernels"), { recursive: true, force: true });
  mkdirSync(join(folder, "kernels"), { recursive: true });
  const { kernels, diagnostics } = readKernels([KERNELS], { cwd: KERNELS });
  if (diagnostics.length > 0) throw new Error("kernels/ is refused");
  const files = readdirSync(KERNELS, { recursive: true, encoding: "utf8" });
  for (const name of files.filter((file) => file.endsWith(".ts"))) {
    const own = kernels.filter(({ span }) => span.file === name);
    if (own.some((kernel) => without.has(kernel.name))) continue;
    const text = readFileSync(join(KERNELS, name), "utf8");
    const fixed = own.length === 0 || size === undefined ? text : fixSizes(text, own, size);
    mkdirSync(dirname(join(folder, "kernels", name)), { recursive: true });
    writeFileSync(join(folder, "kernels", name), withoutClaims(fixed));
  }
}

/** What is not proved of copies of all kernels: their contracts or limits contradict the size. */
function contradicted(folder: string, size: number | undefined): readonly Obligation[] {
  writeCopies(folder, size, new Set());
  return verify(folder, ["--no-cache"]).obligations.filter(({ verdict }) => verdict !== "proved");
}

function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = 0, high = 0] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  return (low + high) / 2;
}

const seconds = (figures: readonly Run[], of: "wall" | "cpu"): string =>
  `${median(figures.map((run) => run[of])).toFixed(2)} s`;

function printTimes({ title, cold, warm }: Measured): void {
  const cells = [title, cold[0]?.obligations.length, seconds(cold, "wall"), seconds(cold, "cpu")];
  print(`| ${[...cells, seconds(warm, "wall"), seconds(warm, "cpu")].join(" | ")} |`);
}

/** Of each kind: the obligations, the distinct queries and what these took in the cold run of median length. */
function printKinds({ cold }: Measured): void {
  const run = [...cold].sort((a, b) => a.wall - b.wall)[(cold.length - 1) >> 1];
  if (run === undefined) return;
  print("| kind | obligations | proved | distinct | median ms | worst ms | the worst |");
  print("| --- | --- | --- | --- | --- | --- | --- |");
  const line = (name: string, all: readonly Obligation[]): void => {
    const distinct = [...new Map(all.map((one) => [one.queryHash, one])).values()];
    const worst = distinct.reduce((a, b) => (b.solverMs > a.solverMs ? b : a));
    const proved = all.filter(({ verdict }) => verdict === "proved").length;
    const times = [median(distinct.map(({ solverMs }) => solverMs)).toFixed(1), worst.solverMs.toFixed(0)];
    print(`| ${[name, all.length, proved, distinct.length, ...times, worst.id].join(" | ")} |`);
  };
  for (const kind of OBLIGATION_KINDS) {
    const own = run.obligations.filter((obligation) => obligation.kind === kind);
    if (own.length > 0) line(kind, own);
  }
  line(
    "all that a solver is asked",
    run.obligations.filter(({ kind }) => kind !== "equivalence"),
  );
}

const folder = mkdtempSync(join(tmpdir(), "tokitai-bench-"));
try {
  const copies = SIZES.map((size) => {
    const dimensions = size === undefined ? "any dimensions" : `all dimensions ${size.toLocaleString("en-US")}`;
    return { size, title: `copies, ${dimensions}`, cwd: join(folder, String(size ?? "any")) };
  });
  const open = copies.flatMap(({ size, title, cwd }) => contradicted(cwd, size).map((one) => ({ ...one, title })));
  const without = new Set(open.map(({ kernel }) => kernel.replace(/_check$/, "")));
  for (const { size, cwd } of copies) writeCopies(cwd, size, without);

  const own: Measured = { title: "kernels/ as it is", cwd: ROOT, cold: [], warm: [] };
  const subjects = [own, ...copies.map(({ title, cwd }): Measured => ({ title, cwd, cold: [], warm: [] }))];
  measure(subjects, join(folder, "caches"));
  print(`Medians of ${runs} runs each, on ${availableParallelism()} cores.`);
  print();
  print("| kernels | obligations | cold | of all CPUs | warm | of all CPUs |");
  print("| --- | --- | --- | --- | --- | --- |");
  for (const subject of subjects) printTimes(subject);
  print();
  printKinds(own);
  print();
  print(
    without.size === 0 ? "No kernel is left out of the copies." : `Left out of the copies: ${[...without].join(", ")}.`,
  );
  for (const { title, id, verdict } of open) print(`${title}: ${id} is ${verdict}.`);
} finally {
  rmSync(folder, { recursive: true });
}
