/** The expectations of all pairs, the twins that the front end refuses, and the pairs that wait for something. */

import type { Expectations, Refusal } from "./expectation.ts";
import { MATRIX } from "./expected-matrix.ts";
import { MEMORY } from "./expected-memory.ts";
import { ORDER } from "./expected-order.ts";
import { PERFORMANCE } from "./expected-performance.ts";
import { VALUES } from "./expected-values.ts";

export const EXPECTED: Expectations = { ...ORDER, ...MEMORY, ...VALUES, ...PERFORMANCE, ...MATRIX };

export const REFUSED: Readonly<Record<string, Refusal>> = {
  "atomic-slots-refused": {
    correct: "atomic-slots",
    code: "TK150",
    line: "if (t < T) slot[t] = atomicAdd(next[ids[t]], 1);",
  },
};

/** Pairs that do not pass, and what they wait for. Each must fail: one that passes is taken off the list. */
export const PENDING: Readonly<Record<string, string>> = {};
