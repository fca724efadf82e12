/** The entry point of a solver process: opens Z3, then answers one request after another until the owner hangs up. */

import { setFlagsFromString } from "node:v8";
import { openSolver } from "./solver.ts";
import type { SolverMessage, SolverRequest } from "./solver-protocol.ts";

/**
 * How much of a WebAssembly function is run, in bytes, before V8 compiles it again with optimisation. With V8's own
 * 1,800,000 a process that answers a few hundred short queries spends a fifth of its time on compiling; what runs for
 * seconds reaches this as well.
 */
const OPTIMISE_AFTER = 30_000_000;

function send(message: SolverMessage): void {
  process.send?.(message);
}

function fail(cause: unknown): never {
  send({ kind: "failed", reason: String(cause) });
  process.exit(1);
}

async function main(): Promise<void> {
  setFlagsFromString(`--wasm-tiering-budget=${OPTIMISE_AFTER}`);
  const solver = await openSolver();
  const queue: SolverRequest[] = [];
  const answerNext = (): void => {
    const request = queue.shift();
    if (request === undefined) return;
    try {
      send({ kind: "answer", id: request.id, answer: solver.check(request.text, request.limits) });
    } catch (cause) {
      // WebAssembly ran out of memory or aborted: nothing that this Z3 says from here on would mean anything.
      fail(cause);
    }
    setImmediate(answerNext);
  };
  process.on("message", (requests: readonly SolverRequest[]) => {
    const idle = queue.length === 0;
    queue.push(...requests);
    if (idle) setImmediate(answerNext);
  });
  process.on("disconnect", () => process.exit(0));
  send({ kind: "ready", version: solver.version });
}

main().catch(fail);
