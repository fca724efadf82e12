/**
 * Runs an external tool: argument array in, what became of the process out. No shell.
 *
 * The tool gets an environment of its own (`toolEnvironment`), so that a variable of the user's shell cannot change what is
 * built. It leads a process group: a compiler driver that runs out of time is killed together with its children.
 */

import { spawn } from "node:child_process";
import { type Diagnostic, error } from "../../support/diagnostic.ts";

export interface ToolRun {
  /** `failed`: it could not be started, and `reason` is the system's error code. */
  readonly kind: "exited" | "killed" | "timeout" | "failed";
  /** Exit code; -1 unless `exited`. */
  readonly code: number;
  /** Signal or error code; empty when `exited`. */
  readonly reason: string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ToolOptions {
  readonly cwd?: string;
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
}

/** Each stream is kept up to this many bytes; the rest is read and dropped. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Lines of a failing tool's output that a diagnostic shows. */
const SHOWN_LINES = 8;

/** Variables that tools need to find themselves. Nothing else of the caller's environment reaches them. */
export const PASSED_VARIABLES = [
  "PATH",
  "HOME",
  "ROCM_PATH",
  "HIP_PATH",
  "HIP_CLANG_PATH",
  "HSA_PATH",
  "LD_LIBRARY_PATH",
];

/**
 * The environment of every tool: the passed variables, messages in English, and the AMD platform.
 * hipcc would otherwise choose NVIDIA's compiler on a machine that has one. `folders` are searched behind the PATH.
 */
export function toolEnvironment(
  env: NodeJS.ProcessEnv,
  temporary?: string,
  folders: readonly string[] = [],
): NodeJS.ProcessEnv {
  const result: NodeJS.ProcessEnv = { LC_ALL: "C", HIP_PLATFORM: "amd" };
  for (const name of PASSED_VARIABLES) {
    const value = env[name];
    if (value !== undefined) result[name] = value;
  }
  if (temporary !== undefined) result["TMPDIR"] = temporary;
  if (folders.length > 0) result["PATH"] = [env["PATH"] ?? "", ...folders].join(":");
  return result;
}

/** Runs `path` with `args`; never rejects. */
export function runTool(path: string, args: readonly string[], options: ToolOptions): Promise<ToolRun> {
  return new Promise((resolve) => {
    const child = spawn(path, args, {
      env: options.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    let timedOut = false;
    const killGroup = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch (cause) {
        // ESRCH: the group ended between the timer and the signal.
        if (errorCode(cause) !== "ESRCH") throw cause;
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup();
    }, options.timeoutMs);
    process.once("exit", killGroup);
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    const settle = (kind: ToolRun["kind"], code: number, reason: string): void => {
      clearTimeout(timer);
      process.off("exit", killGroup);
      resolve({ kind, code, reason, stdout: stdout(), stderr: stderr() });
    };
    child.once("error", (cause) => settle("failed", -1, errorCode(cause)));
    child.once("close", (code, signal) => {
      if (timedOut) settle("timeout", -1, `after ${options.timeoutMs} ms`);
      else if (code === null) settle("killed", -1, signal ?? "unknown signal");
      else settle("exited", code, "");
    });
  });
}

/** True when the tool ended by itself with exit code 0. */
export function succeeded(run: ToolRun): boolean {
  return run.kind === "exited" && run.code === 0;
}

/** The system's code of an error thrown by Node (`ENOENT`), or its text. */
export function errorCode(cause: unknown): string {
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string") return cause.code;
  return String(cause);
}

/** The diagnostic of a tool that failed: the command and the first lines of its output that speak of an error. */
export function toolFailure(command: readonly string[], run: ToolRun, fix: string): Diagnostic {
  const name = command[0]?.split("/").at(-1) ?? "tool";
  const shown = [`  command   ${command.map(quote).join(" ")}`, ...firstErrors(run).map((line) => `  | ${line}`)];
  const text = (fact: string): string => [`${name} ${fact}`, ...shown].join("\n");
  switch (run.kind) {
    case "exited":
      return error("TK402", undefined, text(`failed with exit code ${run.code}`), fix);
    case "killed":
      return error("TK402", undefined, text(`was ended by ${run.reason}`), fix);
    case "timeout":
      return error("TK403", undefined, text(`was stopped ${run.reason}`), "allow more time, or compile fewer kernels");
    case "failed":
      return error("TK402", undefined, text(`cannot be started: ${run.reason}`), fix);
    default:
      return run.kind satisfies never;
  }
}

function firstErrors({ stdout, stderr }: ToolRun): readonly string[] {
  const lines = `${stderr}\n${stdout}`.split("\n").filter((line) => line.trim() !== "");
  const first = lines.findIndex((line) => /error|undefined reference|cannot find/i.test(line));
  return lines.slice(Math.max(0, first), Math.max(0, first) + SHOWN_LINES);
}

/** An argument as a POSIX shell would need it, so that the shown command can be pasted. */
function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    if (size < MAX_OUTPUT_BYTES) chunks.push(chunk);
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).toString("utf8");
}
