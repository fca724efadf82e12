/** The expectations of all pairs, the twins that the front end refuses, and the pairs that wait for something. */

import type { Expectations, Refusal } from "./expectation.ts";
import { MEMORY } from "./expected-memory.ts";
import { ORDER } from "./expected-order.ts";
import { VALUES } from "./expected-values.ts";

export const EXPECTED: Expectations = { ...ORDER, ...MEMORY, ...VALUES };

export const REFUSED: Readonly<Record<string, Refusal>> = {
  "atomic-slots-refused": {
    correct: "atomic-slots",
    code: "TK150",
    line: "if (t < T) slot[t] = atomicAdd(next[ids[t]], 1);",
  },
};

/** Pairs that do not pass, and what they wait for. Each must fail: one that passes is taken off the list. */
export const PENDING: Readonly<Record<string, string>> = {
  "flattened-output":
    "bounds and overflow of block.y * (N - 1) + n are unknown in the broken twin, where neither is broken",
  "halves-share-a-slot":
    "init of squares is unknown in the correct twin: of mod(thread.x, 32) = lane only thread.x = lane is tried",
  "stale-contract": "the witness breaks the condition on the contents of the inout, and no other is tried",
  "wide-id-product": "the overflow of 64 bits is not confirmed by a run",
  "clamped-tail": "coverage of y is unknown in the broken twin, where it holds: min(…) is not inverted",
  "flattened-batch": "overflow of block.y * B is unknown in the broken twin, where both factors are below 2¹⁶",
  "stride-of-zero": "overflow of i * stride is unknown in the correct twin, where i < 2³² and stride < 2³¹",
};
