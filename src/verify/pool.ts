/**
 * A pool of solver processes: queries in, answers out, whatever happens to a process.
 *
 * - A process holds a few queries at a time and answers them in order; each has a number of its own, so that an answer
 *   can never be taken for another query's. A process that answers anything but its oldest open query is killed.
 * - When a process is killed, aborts, hangs beyond its limit or talks nonsense, its oldest open query is `unknown`; the
 *   others go to another process.
 * - Before its first query, after every `CANARY_INTERVAL` and at the end of a run (`audit`) a process gets *canaries*, one
 *   satisfiable and one unsatisfiable query. A wrong answer is a defect: every open and later query is rejected with an
 *   `InternalError`.
 * - After `FAILURES_IN_A_ROW` failures without an answer in between no process is started any more.
 * - A process is retired after `QUERIES_PER_PROCESS` queries, long before WebAssembly's memory limit.
 *
 * Queries with products of unknowns are the slow ones and go first, each alone; then longer texts before shorter ones.
 */

import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { InternalError } from "../support/result.ts";
import type { SolverAnswer, SolverLimits } from "./solver.ts";
import { readMessage, type SolverRequest } from "./solver-protocol.ts";

const QUERIES_PER_PROCESS = 2_000;
const CANARY_INTERVAL = 200;
/** How many queries a process holds, so that it need not wait while its owner is busy. */
const QUERIES_AHEAD = 8;
const FAILURES_IN_A_ROW = 6;
/** Each process takes about 110 MB; more of them than this per core only take memory and time from each other. */
const PROCESSES_PER_CORE = 4;
const START_MS = 30_000;
/** After a limit has passed: the owner may have been busy itself, and reads first what has come meanwhile. */
const READING_MS = 1_000;

const DEFAULT_LIMITS: SolverLimits = { steps: 15_000_000, timeoutMs: 120_000 };

const CANARY = "(declare-const x Int)(declare-const y Int)(assert (< x y))";
const CANARIES = [
  { text: CANARY, expected: "sat" },
  { text: `${CANARY}(assert (< y x))`, expected: "unsat" },
] as const;

export interface SolverPoolOptions {
  /** Default: one per core, at most 8. Never more than four per core, whatever is asked for. */
  readonly processes?: number;
  readonly limits?: SolverLimits;
  /** The program that a solver process runs; for tests that need a solver that misbehaves. */
  readonly program?: string;
}

interface Job {
  readonly id: number;
  readonly text: string;
  readonly steps: number;
  readonly hard: boolean;
  readonly settle: (answer: SolverAnswer) => void;
  readonly reject: (cause: InternalError) => void;
  /** What a canary must answer; `undefined` for a query. */
  readonly expected?: "sat" | "unsat";
}

interface Worker {
  readonly child: ChildProcess;
  ready: boolean;
  answered: number;
  /** Open queries, oldest first. */
  readonly open: Job[];
  sinceCanary: number;
  timer: NodeJS.Timeout | undefined;
  failure: string | undefined;
}

/** Owns processes: call `close` when done. */
export class SolverPool {
  /** Z3's version, known once a process has started. */
  version: string | undefined;
  readonly limits: SolverLimits;
  readonly #size: number;
  readonly #program: string;
  /** Sorted by `goesFirst`. */
  readonly #queue: Job[] = [];
  readonly #workers = new Set<Worker>();
  #nextId = 1;
  #failures = 0;
  #defect: InternalError | undefined;
  /** Why nothing is asked any more. */
  #stopped: string | undefined;

  constructor(options: SolverPoolOptions = {}) {
    this.limits = options.limits ?? DEFAULT_LIMITS;
    const wanted = options.processes ?? Math.min(8, availableParallelism());
    this.#size = Math.max(1, Math.min(wanted, PROCESSES_PER_CORE * availableParallelism()));
    this.#program = options.program ?? defaultProgram();
  }

  /** Starts the processes before the first query is there, so that loading Z3 overlaps with reading kernels. */
  warm(): void {
    while (this.#stopped === undefined && this.#workers.size < this.#size) this.#start();
  }

  /**
   * Rejects with an `InternalError` when a solver process has failed its canary. `steps` may be fewer than the pool's own
   * limit, for a question whose answer is worth less.
   */
  solve(text: string, { steps = this.limits.steps }: Partial<Pick<SolverLimits, "steps">> = {}): Promise<SolverAnswer> {
    return new Promise((settle, reject) => {
      if (this.#defect !== undefined) reject(this.#defect);
      else if (this.#stopped !== undefined) settle(unknown(this.#stopped));
      else {
        this.#enqueue({ id: this.#nextId++, text, steps, hard: hasProduct(text), settle, reject });
        this.#startForQueue();
        this.#dispatch();
      }
    });
  }

  /** Asks every process that has answered a last pair of canaries; rejects when one of them fails. */
  async audit(): Promise<void> {
    const asked = [...this.#workers].flatMap((worker) => {
      if (!worker.ready || worker.failure !== undefined || worker.answered === 0) return [];
      return this.#sendCanaries(worker);
    });
    await Promise.all(asked);
    if (this.#defect !== undefined) throw this.#defect;
  }

  /** Process ids of the running solvers, for tests that kill one. */
  get processIds(): readonly number[] {
    return [...this.#workers].flatMap(({ child }) => (child.pid === undefined ? [] : [child.pid]));
  }

  close(): void {
    this.#stop("the solver was closed");
  }

  /** Settles what waits as `unknown`, and kills the processes; their open queries are settled when they have ended. */
  #stop(reason: string): void {
    this.#stopped ??= reason;
    for (const job of this.#queue.splice(0)) job.settle(unknown(reason));
    for (const worker of this.#workers) this.#kill(worker, reason);
  }

  /** Inserts by bisection; among equals the earlier stays ahead. */
  #enqueue(job: Job): void {
    let [low, high] = [0, this.#queue.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#queue[middle];
      if (other !== undefined && goesFirst(job, other)) high = middle;
      else low = middle + 1;
    }
    this.#queue.splice(low, 0, job);
  }

  #startForQueue(): void {
    const busy = [...this.#workers].every(({ ready, open }) => ready && open.length > 0);
    if (this.#stopped === undefined && this.#queue.length > 0 && busy && this.#workers.size < this.#size) this.#start();
  }

  #start(): void {
    const execArgv = this.#program.endsWith(".ts") ? ["--import", "tsx"] : [];
    const child = fork(this.#program, [], { execArgv, stdio: ["ignore", "ignore", "ignore", "ipc"] });
    const worker: Worker = {
      child,
      ready: false,
      answered: 0,
      open: [],
      sinceCanary: CANARY_INTERVAL,
      timer: undefined,
      failure: undefined,
    };
    this.#workers.add(worker);
    this.#startTimer(worker, START_MS, `the solver did not start in ${START_MS} ms`);
    child.on("message", (message) => this.#receive(worker, message));
    child.on("error", (cause) => this.#fail(worker, `the solver process failed: ${cause.message}`));
    child.on("exit", (code, signal) =>
      this.#ended(worker, `the solver process ended (${signal ?? `exit code ${code}`})`),
    );
  }

  #dispatch(): void {
    for (const worker of this.#workers) {
      if (!worker.ready || worker.failure !== undefined) continue;
      const requests = this.#take(worker);
      if (requests.length === 0) continue;
      const wasIdle = worker.open.length === requests.length;
      if (wasIdle) this.#restartTimer(worker);
      worker.child.send(requests, (cause) => {
        if (cause) this.#kill(worker, `the solver process cannot be reached: ${cause.message}`);
      });
    }
  }

  /** Moves what the process should get next from the queue to its open queries. */
  #take(worker: Worker): readonly SolverRequest[] {
    const taken: Job[] = [];
    const { open } = worker;
    if (open.length > QUERIES_AHEAD / 2) return [];
    while (open.length < QUERIES_AHEAD && !open.some(({ hard }) => hard)) {
      const [next] = this.#queue;
      // The last queries are shared out one by one.
      const share = this.#queue.length > this.#size * QUERIES_AHEAD ? QUERIES_AHEAD : 1;
      if (next === undefined || open.length >= share || (next.hard && open.length > 0)) break;
      this.#queue.shift();
      const canaries = worker.sinceCanary >= CANARY_INTERVAL ? this.#canaries() : [];
      worker.sinceCanary = canaries.length > 0 ? 1 : worker.sinceCanary + 1;
      for (const job of [...canaries, next]) {
        open.push(job);
        taken.push(job);
      }
    }
    return taken.map(({ id, text, steps }) => ({ id, text, limits: { ...this.limits, steps } }));
  }

  #canaries(settle: () => void = () => {}): readonly Job[] {
    return CANARIES.map(({ text, expected }) => {
      return { id: this.#nextId++, text, steps: this.limits.steps, hard: false, expected, settle, reject: settle };
    });
  }

  /** Settles when both are answered, or when the process has ended. */
  #sendCanaries(worker: Worker): Promise<void> {
    return new Promise((resolve) => {
      const canaries = this.#canaries(resolve);
      worker.open.push(...canaries);
      if (worker.open.length === canaries.length) this.#restartTimer(worker);
      worker.child.send(canaries.map(({ id, text, steps }) => ({ id, text, limits: { ...this.limits, steps } })));
    });
  }

  #restartTimer(worker: Worker): void {
    clearTimeout(worker.timer);
    if (worker.open.length === 0) return;
    const limit = this.limits.timeoutMs;
    this.#startTimer(worker, limit, `the solver was killed after ${limit} ms`);
  }

  #startTimer(worker: Worker, limit: number, reason: string): void {
    worker.timer = setTimeout(() => {
      worker.timer = setTimeout(() => this.#kill(worker, reason), READING_MS);
    }, limit);
  }

  #receive(worker: Worker, received: unknown): void {
    if (worker.failure !== undefined) return;
    const message = readMessage(received);
    switch (message?.kind) {
      case "ready":
        clearTimeout(worker.timer);
        worker.ready = true;
        this.version ??= message.version;
        if (message.version !== this.version) this.#kill(worker, `the solver processes differ: ${message.version}`);
        break;
      case "answer":
        this.#answered(worker, message.id, message.answer);
        break;
      case "failed":
        this.#kill(worker, message.reason);
        break;
      case undefined:
        this.#kill(worker, "the solver process said what is no answer");
        break;
      default:
        message satisfies never;
    }
    this.#dispatch();
  }

  #answered(worker: Worker, id: number, answer: SolverAnswer): void {
    const [job] = worker.open;
    if (job?.id !== id) {
      this.#kill(worker, "the solver process answered a query that was not its turn");
      return;
    }
    if (job.expected !== undefined) {
      if (answer.result === "unknown") {
        this.#kill(worker, `the solver did not answer its canary: ${answer.reason ?? "no reason given"}`);
        return;
      }
      if (answer.result !== job.expected) {
        this.#rejectAll(new InternalError(`the solver's canary failed: ${answer.result} instead of ${job.expected}`));
        return;
      }
      // The second of a pair; a canary that waits for nobody is settled in vain.
      if (job.expected === "unsat") job.settle(answer);
    } else {
      this.#failures = 0;
      worker.answered++;
      job.settle(answer);
    }
    worker.open.shift();
    this.#restartTimer(worker);
    if (worker.answered >= QUERIES_PER_PROCESS && worker.open.length === 0) this.#retire(worker);
  }

  /** A solver that gives wrong answers: nothing that any of them says can be used. */
  #rejectAll(defect: InternalError): void {
    this.#defect = defect;
    this.#stopped = defect.message;
    for (const job of this.#queue.splice(0)) job.reject(defect);
    for (const worker of this.#workers) {
      for (const job of worker.open.splice(0)) job.reject(defect);
      this.#kill(worker, defect.message);
    }
  }

  #retire(worker: Worker): void {
    this.#workers.delete(worker);
    clearTimeout(worker.timer);
    worker.child.removeAllListeners("exit");
    worker.child.disconnect();
    this.#startForQueue();
  }

  /** The rest happens when the process has ended. */
  #kill(worker: Worker, reason: string): void {
    worker.failure ??= reason;
    worker.child.kill("SIGKILL");
  }

  /** A process that could not be started never ends either. */
  #fail(worker: Worker, reason: string): void {
    this.#kill(worker, reason);
    if (worker.child.pid === undefined) this.#ended(worker, reason);
  }

  #ended(worker: Worker, how: string): void {
    if (!this.#workers.delete(worker)) return;
    clearTimeout(worker.timer);
    const reason = worker.failure ?? how;
    const open = worker.open.splice(0);
    for (const job of open) if (job.expected !== undefined) job.settle(unknown(reason));
    const queries = open.filter(({ expected }) => expected === undefined);
    // The query that was being solved, or, of a process that never got that far, the one that it was started for.
    const blamed = queries.shift() ?? (worker.answered === 0 ? this.#queue.shift() : undefined);
    blamed?.settle(unknown(reason));
    for (const job of queries) {
      if (this.#stopped === undefined) this.#enqueue(job);
      else job.settle(unknown(this.#stopped));
    }
    if (this.#stopped !== undefined) return;
    this.#failures++;
    if (this.#failures >= FAILURES_IN_A_ROW) {
      this.#stop(`no solver process answers any more; the last one: ${reason}`);
      return;
    }
    this.#startForQueue();
    this.#dispatch();
  }
}

function unknown(reason: string): SolverAnswer {
  return { result: "unknown", reason, milliseconds: 0 };
}

function goesFirst(job: Job, other: Job): boolean {
  return job.hard === other.hard ? job.text.length > other.text.length : job.hard;
}

/** Whether there is a product of which the first factor is no numeral: linear terms have the numeral first. */
function hasProduct(text: string): boolean {
  return /\(\* (?!\d|\(- \d)/.test(text);
}

/** The solver process beside this file: TypeScript in a checkout under test, JavaScript when built. */
function defaultProgram(): string {
  const own = fileURLToPath(import.meta.url);
  return own.replace(/pool\.(ts|js)$/, "solver-process.$1");
}
