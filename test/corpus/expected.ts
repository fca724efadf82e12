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
  "contradictory-data": "missed: the broken twin is certified, since vacuity does not ask of conditions on data",
  "stale-contract": "the witness breaks the condition on the contents of the inout, and no other is tried",
  "wide-id-product": "the overflow of 64 bits is not confirmed by a run",
  "grid-stride":
    "the race of the correct twin is proved in 20 ms by a new solver process, and not in 40 s by one that has answered others",
  "bias-twice": "waits for equivalence",
  "last-k-forgotten": "waits for equivalence",
  "softmax-other-axis": "waits for equivalence",
  "variance-of-sample": "waits for equivalence",
  "clamped-tail": "coverage of y is unknown in the broken twin, where it holds: min(…) is not inverted",
  "flattened-batch": "overflow of block.y * B is unknown in the broken twin, where both factors are below 2¹⁶",
  "stride-of-zero": "overflow of i * stride is unknown in the correct twin, where i < 2³² and stride < 2³¹",
  "transpose-unpadded":
    "init and coverage are unknown in the correct twin: thread.y + j with j in steps of 8 is not inverted",
  "equal-values": "the race of two blocks is confirmed by a race within a block",
  "scan-double-buffered": "the race is placed at a write that has the same text and no part in it",
  "tree-used-twice": "the race is placed at a write that has the same text and no part in it",
  "interleaved-pairs": "the race of two blocks is confirmed by a race within a block",
  "reverse-in-place": "the race of two blocks is confirmed by a race within a block",
  "in-place-neighbours": "the race of two blocks is confirmed by a race within a block",
};
