/** The entry point of a worker thread: kernels in, verdicts on their outputs out, one after the other. */

import { parentPort } from "node:worker_threads";
import type { Kernel } from "../../ir/kernel/types.ts";
import { checkEquivalence, type Equivalence } from "./equivalence.ts";

export interface WorkerRequest {
  readonly kernel: Kernel;
  readonly alike: readonly Kernel[];
}

/** What a worker answers to each kernel. */
export type WorkerAnswer =
  | ({ readonly kind: "verdicts"; readonly milliseconds: number } & Equivalence)
  | { readonly kind: "failed"; readonly reason: string };

function answer({ kernel, alike }: WorkerRequest): WorkerAnswer {
  const start = performance.now();
  try {
    const equivalence = checkEquivalence(kernel, alike);
    return { kind: "verdicts", ...equivalence, milliseconds: performance.now() - start };
  } catch (cause) {
    return { kind: "failed", reason: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) };
  }
}

parentPort?.on("message", (request: WorkerRequest) => parentPort?.postMessage(answer(request)));
