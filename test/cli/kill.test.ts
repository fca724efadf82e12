/** Solver processes that are killed while the command line runs: what they were at is unknown, and nothing passes as proved. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const KERNEL = "kernels/linear.ts";

let cache = "";
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "tokitai-kill-"));
});
afterEach(() => rmSync(cache, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `tokitai verify` on one kernel with one solver process and no proofs from before. */
function verify(watch: (child: ChildProcess, line: string) => void, cacheFolder = cache): Promise<Ended> {
  const args = [join(ROOT, "bin/tokitai.js"), "verify", KERNEL, "--jobs", "1", "--format", "json"];
  const env = { ...process.env, TOKITAI_CACHE: cacheFolder, TOKITAI_DEBUG: "2" };
  const child = spawn(process.execPath, args, { cwd: ROOT, env });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    watch(child, text);
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
}

/** The processes that a process has started. */
function childrenOf(pid: number): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

function parentOf(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return /^State:\s+Z/m.test(status) ? undefined : Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
  } catch (cause) {
    // It has ended since its folder was listed.
    if (isGone(cause)) return undefined;
    throw cause;
  }
}

function isGone(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ESRCH");
}

/** How many there were to kill. */
function killSolvers(child: ChildProcess): number {
  const solvers = child.pid === undefined ? [] : childrenOf(child.pid);
  return solvers.filter(endProcess).length;
}

/** False where it had ended before. */
function endProcess(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch (cause) {
    if (isGone(cause)) return false;
    throw cause;
  }
}

interface Verdict {
  readonly id: string;
  readonly kind: string;
  readonly verdict: string;
}

function verdicts({ stdout }: Ended): readonly Verdict[] {
  return JSON.parse(stdout).obligations;
}

describe("tokitai verify whose solver is killed", () => {
  it("says unknown to the obligations of one query, ends with 5, and proves them when asked again", async () => {
    let killed = 0;
    const ended = await verify((child, line) => {
      // The first answer is there, and the process is at one of the next queries.
      if (killed === 0 && / in \d+\.\d ms/.test(line)) killed = killSolvers(child);
    });
    expect(killed).toBe(1);
    expect(ended.code, ended.stderr).toBe(5);
    const unknown = verdicts(ended).filter(({ verdict }) => verdict !== "proved");
    expect(unknown.length).toBeGreaterThan(0);
    expect(unknown.every(({ verdict }) => verdict === "unknown")).toBe(true);
    expect(unknown.length).toBeLessThan(verdicts(ended).length / 2);
    for (const { id } of unknown) expect(ended.stderr).toContain(id);
    expect(ended.stderr).toContain("the solver process ended (SIGKILL)");

    const again = await verify(() => {});
    expect(again.code, again.stderr).toBe(0);
    expect(verdicts(again).map(({ id }) => id)).toEqual(verdicts(ended).map(({ id }) => id));
    expect(verdicts(again).every(({ verdict }) => verdict === "proved")).toBe(true);
  });

  it("ends with 5 and proves nothing when every solver process is killed", async () => {
    let timer: NodeJS.Timeout | undefined;
    const ended = await verify((child) => {
      timer ??= setInterval(() => killSolvers(child), 15);
    });
    clearInterval(timer);
    expect(ended.code, ended.stderr).toBe(5);
    // Equivalence is decided without a solver.
    const proved = verdicts(ended).filter(({ kind, verdict }) => kind !== "equivalence" && verdict === "proved");
    expect(proved).toEqual([]);
    expect(ended.stderr).toContain("no solver process answers any more");
  });
});
