/** Expectations: tensors that a wave accesses far apart, and two words of one bank of shared memory. */

import { bankConflict, type Expectations, farApart } from "./expectation.ts";

export const PERFORMANCE: Expectations = {
  "bank-of-the-data": bankConflict(
    "y[block.x][thread.x] = row[order[thread.x]];",
    /thread \(0, 0, 0\) and .*: word \d+, other word \d+\n.*reads row\[\d+\].*another word of bank \d+ /,
  ),
  "banks-of-a-column": bankConflict(
    "if (m < M && n < N) y[n][m] = tile[thread.x][r + thread.y];",
    /M = 2, N = 1;.*: word 0, other word 32\n.*reads tile\[1\]\[0\] while thread \(0, 0, 0\) of its wave is at tile\[0\]\[0\], another word of bank 0 /,
  ),
  "chunk-per-thread": farApart(
    "for (let n = thread.x * 4; n < thread.x * 4 + 4; n++) y[block.x][n] = x[block.x][n] * x[block.x][n];",
    /N = 256;.* n = 0 and .* n = 4:.*\n.*reads x\[0\]\[4\] while thread \(0, 0, 0\) of its wave is at x\[0\]\[0\], more than 1 elements away/,
  ),
  "fragment-banks": bankConflict(
    "loadFragment(a, xs[0][0]);",
    /reads xs\[\d+\]\[\d+\].*another word of bank \d+ \(lanes \d+ and \d+, 2 ways\)/,
  ),
  "half-segments": farApart(
    "loadVector(four, x[m][n]);",
    /M = 2;.*thread \(0, 0, 0\) and .*thread \(2, 0, 0\).*\n.*reads x\[1\]\[0\] while .* is at x\[0\]\[0\], in another row/,
  ),
  "half-wave-rows": farApart(
    "if (m < M && n < N) y[m][n] = 2.0 * x[m][n];",
    /M = 2, N = 1;.*thread \(0, 1, 0\):.*\n.*reads x\[1\]\[0\] while .* is at x\[0\]\[0\], in another row/,
  ),
  "stride-of-two-words": bankConflict(
    "if (thread.x < 32) y[block.x][thread.x] = part[2 * thread.x] + part[2 * thread.x + 1];",
    /thread \(16, 0, 0\): word 0, other word 32\n.*reads part\[32\] while .* is at part\[0\], another word of bank 0 /,
  ),
  "wide-halves": bankConflict(
    "loadVector(eight, tile[thread.x][k]);",
    /another word of bank \d+ \(lanes \d+ and \d+, 8 ways\)/,
  ),
  "wide-lanes-out-of-order": bankConflict(
    "loadVector(four, tile[div(thread.x, 16)][mod(thread.x, 16) * 4]);",
    /another word of bank \d+ \(lanes (1[6-9]|2\d) and \d+, 2 ways\)/,
  ),
  "wide-pairs": bankConflict(
    "storeVector(tile[4 * thread.x], two);",
    /another word of bank \d+ \(lanes \d+ and \d+, 2 ways\)/,
  ),
  "wide-rows": bankConflict(
    "loadVector(four, tile[thread.x][k]);",
    /another word of bank \d+ \(lanes \d+ and \d+, 8 ways\)/,
  ),
  "transpose-without-tile": farApart(
    "if (m < M && n < N) y[n][m] = x[m][n];",
    /M = 1, N = 2;.*\n.*writes y\[1\]\[0\] while .* is at y\[0\]\[0\], in another row/,
  ),
};
