/**
 * Worker threads for symbolic execution: kernels in, verdicts out, whatever happens to a thread.
 *
 * Threads are shared by everything in the process, start when there is work, and do not keep the process alive without
 * it. A thread that runs out of time or memory is ended, and its kernel's outputs are `unknown`.
 */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Kernel } from "../../ir/kernel/types.ts";
import type { WorkerAnswer, WorkerRequest } from "./worker.ts";

/**
 * One kernel, whatever else the machine does. The limits of work and of terms are met long before and are the same on every
 * machine; this one is for a thread that hangs.
 */
const TIMEOUT_MS = 600_000;
const MEMORY_MB = 2_048;
const STACK_MB = 16;
/** Most of what symbolic execution makes is soon left: with V8's own 16 MB a sixth of the time goes to collecting it. */
const YOUNG_MB = 128;
const MAX_WORKERS = 4;

interface Job {
  readonly request: WorkerRequest;
  readonly settle: (answer: WorkerAnswer) => void;
}

const queue: Job[] = [];
const idle: Worker[] = [];
let running = 0;

/** The verdicts, or why there are none. `alike` differ from the kernel in the formats of halves alone. */
export function checkInWorker(kernel: Kernel, alike: readonly Kernel[]): Promise<WorkerAnswer> {
  return new Promise((settle) => {
    queue.push({ request: { kernel, alike }, settle });
    dispatch();
  });
}

function dispatch(): void {
  const limit = Math.min(MAX_WORKERS, availableParallelism());
  while (queue.length > 0 && running < limit) {
    const job = queue.shift();
    if (job === undefined) return;
    running++;
    run(idle.pop() ?? start(), job);
  }
}

function start(): Worker {
  const own = import.meta.url;
  const program = own.replace(/workers\.(ts|js)$/, "worker.$1");
  const resourceLimits = {
    maxOldGenerationSizeMb: MEMORY_MB,
    maxYoungGenerationSizeMb: YOUNG_MB,
    stackSizeMb: STACK_MB,
  };
  if (!program.endsWith(".ts")) return new Worker(new URL(program), { resourceLimits });
  // In a checkout under test a thread does not have its parent's loader of TypeScript.
  const load = `import("tsx/esm/api").then(({ register }) => { register(); return import(${JSON.stringify(program)}); })`;
  return new Worker(load, { eval: true, resourceLimits });
}

function run(worker: Worker, { request, settle }: Job): void {
  const finish = (answer: WorkerAnswer): void => {
    clearTimeout(timer);
    // Removing all listeners would remove the worker's own, without which it receives nothing more.
    worker.off("message", answered).off("error", threw).off("exit", ended);
    running--;
    settle(answer);
    dispatch();
  };
  const failed = (reason: string): void => {
    // An error after its end concerns nobody.
    worker.on("error", () => {});
    void worker.terminate();
    finish({ kind: "failed", reason });
  };
  const answered = (answer: WorkerAnswer): void => {
    worker.unref();
    idle.push(worker);
    finish(answer);
  };
  const threw = (cause: Error): void => failed(`symbolic execution failed: ${cause.message}`);
  const ended = (code: number): void => failed(`symbolic execution ended with exit code ${code}`);
  const timer = setTimeout(() => failed(`symbolic execution took more than ${TIMEOUT_MS} ms`), TIMEOUT_MS);
  worker.on("message", answered).on("error", threw).on("exit", ended);
  worker.ref();
  worker.postMessage(request);
}
