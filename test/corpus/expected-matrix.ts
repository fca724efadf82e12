/** Expectations: fragments of matrices, and what multiplies them. */

import { alignment, bounds, divergence, type Expectations, equivalence, init, race } from "./expectation.ts";

export const MATRIX: Expectations = {
  "fragment-without-barrier": {
    ...race(
      ["loadFragment(a, xs[0][0]);", "loadFragment(b, ws[0][0]);"],
      /B = 1;.*thread \(0, 0, 0\), i = \d+ and .* thread \(\d+, 0, 0\).*\n.*reads [xw]s\[0\]\[1\], which thread \(1, 0, 0\) writes/,
    ),
    consequences: ["init"],
  },
  "fragment-of-a-lane": divergence(
    "loadFragment(a, xs[mod(matrix.lane, 16)][0]);",
    /tile of axis 0 0, other tile of axis 0 1.*\n.*loads the tile at xs\[1\]\[0\], and thread \(0, 0, 0\) of its wave the one at xs\[0\]\[0\]/,
  ),
  "mma-in-branch": divergence(
    "if (block.x * 16 + mod(thread.x, 16) < B) mma(sums, a, b);",
    /B = 1;.*thread \(0, 0, 0\) and .* thread \(1, 0, 0\)\n.*reaches the mma with 2 of 32 threads, without thread \(1, 0, 0\)/,
  ),
  "fragment-past-tile": bounds(
    "loadFragment(a, x[block.x * 16][0]);",
    /B = 1; block \(0, 0, 0\), thread \(\d+, 0, 0\).*length of axis 0 1.*\n.*reads x\[\d+\]\[0\] out of bounds/,
  ),
  "accumulator-not-cleared": init(
    "mma(sums, a, b);",
    /B = 1;.*thread \(0, 0, 0\): index 0\n.*reads sums\[0\] before it is written/,
  ),
  "accumulator-rows": equivalence(
    "if (m < B) y[m][matrix.column] = sums[e];",
    /B = 2; y\[1\]\[0\] is 0, where matmul gives .*\n.*computes y\[1\]\[0\] = 0, where matmul gives/,
  ),
  "fragment-not-aligned": alignment(
    "loadFragment(a, xs[0][0]);",
    /index 0, row length 17\n.*reads 8 lanes from xs\[1\]\[0\] on, element 17, which is no multiple of 8/,
  ),
};
