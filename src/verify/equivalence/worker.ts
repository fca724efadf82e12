/** The entry point of a worker thread: kernels in, verdicts on their outputs out, one after the other. */

import { parentPort } from "node:worker_threads";
import type { Kernel } from "../../ir/kernel/types.ts";
import { checkEquivalence, type OutputVerdict } from "./equivalence.ts";

/** What a worker answers to each kernel. */
export type WorkerAnswer =
  | { readonly kind: "verdicts"; readonly verdicts: readonly OutputVerdict[]; readonly milliseconds: number }
  | { readonly kind: "failed"; readonly reason: string };

function answer(kernel: Kernel): WorkerAnswer {
  const start = performance.now();
  try {
    return { kind: "verdicts", verdicts: checkEquivalence(kernel), milliseconds: performance.now() - start };
  } catch (cause) {
    return { kind: "failed", reason: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) };
  }
}

parentPort?.on("message", (kernel: Kernel) => parentPort?.postMessage(answer(kernel)));
