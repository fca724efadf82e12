/**
 * A pool of solver processes: queries in, answers out, whatever happens to a process.
 *
 * A process answers one query at a time. One that is killed, aborts, hangs beyond its limit or cannot start makes its
 * query `unknown`, and is replaced for the next one. A process is retired after `QUERIES_PER_PROCESS` queries, long
 * before WebAssembly's memory limit.
 */

import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { SolverAnswer, SolverLimits } from "./solver.ts";
import type { SolverMessage, SolverRequest } from "./solver-protocol.ts";

const QUERIES_PER_PROCESS = 400;
/** Each process takes about 110 MB; more of them than this per core only take memory and time from each other. */
const PROCESSES_PER_CORE = 4;
/** How long a process may take beyond the solver's own limit, and to start, before it is killed. */
const DEFAULT_GRACE_MS = 5_000;
const START_MS = 30_000;

export interface SolverPoolOptions {
  /** Default: one per core, at most 8. Never more than four per core, whatever is asked for. */
  readonly processes?: number;
  readonly limits?: SolverLimits;
  /** Milliseconds beyond the limit after which a process is killed. */
  readonly graceMs?: number;
  /** The program that a solver process runs; for tests that need a solver that misbehaves. */
  readonly program?: string;
}

interface Job {
  readonly text: string;
  readonly settle: (answer: SolverAnswer) => void;
}

interface Worker {
  readonly child: ChildProcess;
  ready: boolean;
  answered: number;
  job: Job | undefined;
  timer: NodeJS.Timeout | undefined;
  failure: string | undefined;
}

const DEFAULT_LIMITS: SolverLimits = { timeoutMs: 10_000 };

/** Owns processes: call `close` when done. */
export class SolverPool {
  /** Z3's version, known once a process has answered. */
  version: string | undefined;
  readonly #limits: SolverLimits;
  readonly #graceMs: number;
  readonly #size: number;
  readonly #program: string;
  readonly #queue: Job[] = [];
  readonly #workers = new Set<Worker>();
  #closed = false;

  constructor(options: SolverPoolOptions = {}) {
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
    const wanted = options.processes ?? Math.min(8, availableParallelism());
    this.#size = Math.max(1, Math.min(wanted, PROCESSES_PER_CORE * availableParallelism()));
    this.#program = options.program ?? defaultProgram();
  }

  /** Starts the processes before the first query is there, so that loading Z3 overlaps with reading kernels. */
  warm(): void {
    while (!this.#closed && this.#workers.size < this.#size) this.#start();
  }

  solve(text: string): Promise<SolverAnswer> {
    return new Promise((settle) => {
      if (this.#closed) {
        settle({ result: "unknown", reason: "the solver was closed", milliseconds: 0 });
        return;
      }
      this.#queue.push({ text, settle });
      if (this.#workers.size < this.#size && ![...this.#workers].some(isIdle)) this.#start();
      this.#dispatch();
    });
  }

  /** Process ids of the running solvers, for tests that kill one. */
  get processIds(): readonly number[] {
    return [...this.#workers].flatMap(({ child }) => (child.pid === undefined ? [] : [child.pid]));
  }

  close(): void {
    this.#closed = true;
    for (const job of this.#queue.splice(0)) {
      job.settle({ result: "unknown", reason: "the solver was closed", milliseconds: 0 });
    }
    for (const worker of this.#workers) this.#kill(worker, "the solver was closed");
  }

  #start(): void {
    const execArgv = this.#program.endsWith(".ts") ? ["--import", "tsx"] : [];
    const child = fork(this.#program, [], { execArgv, stdio: ["ignore", "ignore", "ignore", "ipc"] });
    const worker: Worker = { child, ready: false, answered: 0, job: undefined, timer: undefined, failure: undefined };
    this.#workers.add(worker);
    worker.timer = setTimeout(() => this.#kill(worker, `the solver did not start in ${START_MS} ms`), START_MS);
    child.on("message", (message: SolverMessage) => this.#receive(worker, message));
    child.on("error", (cause) => this.#kill(worker, `the solver process failed: ${cause.message}`));
    child.on("exit", (code, signal) => this.#ended(worker, code, signal));
  }

  #dispatch(): void {
    for (const worker of this.#workers) {
      if (!isIdle(worker)) continue;
      const job = this.#queue.shift();
      if (job === undefined) return;
      worker.job = job;
      const limit = this.#limits.timeoutMs + this.#graceMs;
      worker.timer = setTimeout(() => this.#kill(worker, `the solver was killed after ${limit} ms`), limit);
      const request: SolverRequest = { text: job.text, limits: this.#limits };
      worker.child.send(request, (cause) => {
        if (cause) this.#kill(worker, `the solver process cannot be reached: ${cause.message}`);
      });
    }
  }

  #receive(worker: Worker, message: SolverMessage): void {
    switch (message.kind) {
      case "ready":
        clearTimeout(worker.timer);
        worker.ready = true;
        this.version = message.version;
        break;
      case "answer": {
        clearTimeout(worker.timer);
        const { job } = worker;
        worker.job = undefined;
        worker.answered++;
        job?.settle(message.answer);
        if (worker.answered >= QUERIES_PER_PROCESS) this.#retire(worker);
        break;
      }
      case "failed":
        this.#kill(worker, message.reason);
        break;
      default:
        message satisfies never;
    }
    this.#dispatch();
  }

  #retire(worker: Worker): void {
    this.#workers.delete(worker);
    worker.child.disconnect();
    if (this.#queue.length > 0) this.#start();
  }

  #kill(worker: Worker, reason: string): void {
    worker.failure ??= reason;
    worker.child.kill("SIGKILL");
  }

  #ended(worker: Worker, code: number | null, signal: string | null): void {
    clearTimeout(worker.timer);
    this.#workers.delete(worker);
    const reason = worker.failure ?? `the solver process ended (${signal ?? `exit code ${code}`})`;
    if (worker.job !== undefined) worker.job.settle({ result: "unknown", reason, milliseconds: 0 });
    // A process that never became ready would fail again for each query: one query pays for each attempt.
    else if (!worker.ready) this.#queue.shift()?.settle({ result: "unknown", reason, milliseconds: 0 });
    worker.job = undefined;
    if (!this.#closed && this.#queue.length > 0 && this.#workers.size < this.#size) this.#start();
  }
}

function isIdle({ ready, job, failure }: Worker): boolean {
  return ready && job === undefined && failure === undefined;
}

/** The solver process beside this file: TypeScript in a checkout under test, JavaScript when built. */
function defaultProgram(): string {
  const own = fileURLToPath(import.meta.url);
  return own.replace(/pool\.(ts|js)$/, "solver-process.$1");
}
