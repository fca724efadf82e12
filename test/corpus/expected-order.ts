/** Expectations: races and barriers. */

import { divergence, type Expectations, race, raceOfBlocks } from "./expectation.ts";

export const ORDER: Expectations = {
  "atomic-and-plain": race(
    "if (t === T - 1 && E > 0) counts[0] = 0;",
    /T = 2, E = 1;.*\n.*counts\[0\], which thread \(0, 0, 0\) atomically changes/,
  ),
  "barrier-in-both-branches": divergence(
    "barrier();",
    /thread \(0, 0, 0\) and .* thread \(32, 0, 0\)\n.*with 32 of 64 threads, without thread \(32, 0, 0\)/,
  ),
  "barrier-in-branch": divergence("barrier();", /N = 1;.*\n.*with 1 of 128 threads, without thread \(1, 0, 0\)/),
  "barrier-in-ragged-loop": divergence(
    "barrier();",
    /S = 1;.*thread \(0, 0, 0\) and .* thread \(1, 0, 0\)\n.*with 1 of 64 threads, without thread \(1, 0, 0\)/,
  ),
  "block-axis-forgotten": race(
    "for (let n = thread.x; n < N; n += COLUMNS) x[b][n] *= 2.0;",
    /thread \(0, 0, 0\), n = 0 and .* thread \(0, 1, 0\), n = 0.*\n.*x\[0\]\[0\], which thread \(0, 0, 0\) writes/,
  ),
  "clamped-tail": {
    ...race("y[i] = max(x[i], 0.0);", /N = 1;.*: index 0\n.*writes y\[0\], which thread \(0, 0, 0\) writes/),
    consequences: ["coverage"],
  },
  "condition-reads-early": race(
    "const changes = thread.x > 0 && tile[thread.x - 1] * own < 0.0;",
    /thread \(0, 0, 0\) and .* thread \(1, 0, 0\).*: index 0\n.*reads tile\[0\], which thread \(0, 0, 0\) writes/,
  ),
  "data-dependent-barrier": divergence("barrier();", /B = 1;.*thread \(\d+, 0, 0\)\n.*with \d+ of 64 threads/),
  "double-buffer-parity": race(
    "for (let k = 0; k < TILE; k++) sum += stage[mod(tile, 2)][k];",
    /B = 1, N = 1;.*tile = 0\b.*\n.*stage\[0\]\[\d+\], which thread \(\d+, 0, 0\) reads/,
  ),
  "halves-in-pairs": race(
    "if (i < N) y[div(i, 2)] = f16(x[i]);",
    /N = 2;.*thread \(0, 0, 0\) and .* thread \(1, 0, 0\): index 0\n.*writes y\[0\], which thread \(0, 0, 0\) writes/,
  ),
  "embedding-gradient": raceOfBlocks(
    "if (0 <= id && id < V) dtable[id][n] += dy[t][n];",
    /T = 2, N = 1, V = 1; block \(0, 0, 0\).* block \(1, 0, 0\).*\n.*dtable\[0\]\[0\], which a thread of block \(0, 0, 0\) writes/,
  ),
  "equal-values": race(
    "if (i < N && !(abs(x[i]) <= 3e38)) flag[0] = 1;",
    /N = 2;.*: index 0\n.*writes flag\[0\], which thread \(0, 0, 0\) writes/,
  ),
  "flattened-output": raceOfBlocks(
    "if (n < N) y[block.y * (N - 1) + n] = x[block.y][n];",
    /B = 2, N = \d,.* block \(0, 1, 0\).*\n.*y\[\d\], which a thread of block \(0, 0, 0\) writes/,
  ),
  "grid-axis-unused": raceOfBlocks(
    "if (n < N) y[block.y][n] += x[block.y][n];",
    /B = 1, N = 1; block \(0, 0, 0\).* block \(0, 0, 1\).*\n.*y\[0\]\[0\], which a thread of block \(0, 0, 0\) writes/,
  ),
  "grid-stride": raceOfBlocks(
    "for (let i = block.x * THREADS + thread.x; i < N; i += (BLOCKS - 1) * THREADS) y[i] = sqrt(x[i]);",
    /N = 7617;.*i = 7616 and block \(119, 0, 0\).*index 7616\n.*y\[7616\], which a thread of block \(0, 0, 0\) writes/,
  ),
  "grouped-rows": raceOfBlocks(
    "y[t][n] += sum;",
    /block \(0, 0, \d\).* and block \(0, 0, \d\).*\n.*y\[0\]\[0\], which a thread of block \(0, 0, \d\) writes/,
  ),
  "halves-share-a-slot": race(
    "else values[lane] = own * own;",
    /thread \(0, 0, 0\) and .* thread \(32, 0, 0\).*: index 0\n.*writes values\[0\], which thread \(0, 0, 0\) writes/,
  ),
  "histogram-privatised": {
    ...race(
      "if (i < N) atomicAdd(bins[mod(values[i], BINS)], 1);",
      /N = 1;.*\n.*bins\[\d+\], which thread \(\d+, 0, 0\) (atomically changes|writes)/,
    ),
    consequences: ["init"],
  },
  "in-place-neighbours": race(
    "if (inner) u[i] = 0.5 * u[i] + 0.25 * (u[i - 1] + u[i + 1]);",
    /N = 4;.*: index \d\n.*reads u\[\d\], which thread \(\d, 0, 0\) writes/,
  ),
  "inter-block-neighbour": raceOfBlocks(
    "totals[block.x] += totals[block.x - 1];",
    /N = 3; block \(2, 0, 0\).* and block \(1, 0, 0\).*\n.*totals\[1\], which a thread of block \(2, 0, 0\) reads/,
  ),
  "interleaved-pairs": race(
    "x[t][2 * h + 2] = a * sine[t][h] + b * cosine[t][h];",
    /H = 3;.*thread \(1, 0, 0\) and .* thread \(0, 0, 0\).*\n.*x\[0\]\[2\], which thread \(0, 0, 0\) writes/,
  ),
  "leader-broadcast": {
    ...race("const i = start[0] + thread.x;", /S = 1,.*\n.*reads start\[0\], which thread \(0, 0, 0\) writes/),
    consequences: ["init"],
  },
  "local-id-for-global": {
    ...raceOfBlocks(
      "if (i < N) y[thread.x] = x[i] * by;",
      /N = 257;.*block \(1, 0, 0\).*\n.*y\[0\], which a thread of block \(0, 0, 0\) writes/,
    ),
    consequences: ["coverage"],
  },
  "lockstep-wave": race(
    "partial[thread.x] += thread.x < s ? partial[thread.x + s] : f32(0);",
    /thread \([01], 0, 0\) and .* thread \([01], 0, 0\).*index 1\n.*partial\[1\], which thread \(0, 0, 0\) reads/,
  ),
  "loop-that-may-not-run": {
    ...race(
      "y[block.x][thread.x] = tile[THREADS - 1 - thread.x];",
      /thread \(0, 0, 0\) and .* thread \(63, 0, 0\).*\n.*tile\[63\], which thread \(63, 0, 0\) writes/,
    ),
    consequences: ["init"],
  },
  "neighbour-without-barrier": {
    ...race(
      "const left = thread.x > 0 ? tile[thread.x - 1] : f32(0);",
      /thread \(0, 0, 0\) and .* thread \(1, 0, 0\).*\n.*reads tile\[0\], which thread \(0, 0, 0\) writes/,
    ),
    consequences: ["init"],
  },
  "return-before-barrier": divergence(
    "barrier();",
    /B = 1;.*thread \(0, 1, 0\)\n.*with 32 of 256 threads, without thread \(0, 1, 0\)/,
  ),
  "reverse-in-place": race(
    ["x[N - 1 - i] = x[i];", "x[i] = other;"],
    /N = 2;.*\n.*x\[[01]\], which thread \([01], 0, 0\) writes/,
  ),
  "rounds-per-wave": divergence(
    "barrier();",
    /B = 2; block \(0, 0, 0\), thread \(32, 0, 0\)\n.*with 32 of 64 threads, without thread \(0, 0, 0\)/,
  ),
  "scan-double-buffered": race(
    "sums[to][thread.x] = sums[from][thread.x] + (thread.x >= s ? sums[from][thread.x - s] : f32(0));",
    /thread \(1, 0, 0\) and .* thread \(0, 0, 0\).*\n.*sums\[0\]\[0\], which thread \(0, 0, 0\) writes/,
  ),
  "scan-second-barrier": race(
    "const left = thread.x >= s ? sums[thread.x - s] : f32(0);",
    /thread \(0, 0, 0\) and .* thread \(2, 0, 0\).*\n.*reads sums\[0\], which thread \(0, 0, 0\) writes/,
  ),
  "scan-two-sweeps": race(
    "tree[(t + 1) * 2 * s - 1 - s] = tree[(t + 1) * 2 * s - 1];",
    /thread \(31, 0, 0\) and .* thread \(0, 0, 0\): index 63\n.*tree\[63\], which thread \(31, 0, 0\) writes/,
  ),
  "scatter-duplicates": raceOfBlocks(
    "if (n < N) y[position[block.y]][n] = x[block.y][n];",
    /T = 2, N = 1; block \(0, 0, 0\).* block \(0, 1, 0\).*\n.*y\[\d\]\[0\], which a thread of block \(0, 0, 0\) writes/,
  ),
  "shared-write-write": race(
    "partial[lane + w] = sum;",
    /thread \(\d+, 0, 0\) and .* thread \(\d\d, 0, 0\).*\n.*partial\[\d+\], which thread \(\d+, 0, 0\) writes/,
  ),
  "stride-from-block": {
    ...race(
      "for (let n = block.x; n < N; n += THREADS) y[b][n] = x[b][n] / by[b];",
      /B = 1, N = 1;.*\n.*y\[0\]\[0\], which thread \(0, 0, 0\) writes/,
    ),
    consequences: ["coverage"],
  },
  "stride-into-next-block": raceOfBlocks(
    "if (i < N) y[i] += x[i];",
    /N = 257;.*i = 256 and .*i = 256.*\n.*y\[256\], which a thread of block \(0, 0, 0\) writes/,
  ),
  "stride-of-zero": race(
    "if (i < N && i * stride < M) y[i * stride] += x[i];",
    /stride = 0;.*: index 0\n.*y\[0\], which thread \(0, 0, 0\) (reads|writes)/,
  ),
  "symmetric-in-place": race(
    ["a[i][j] = mean;", "a[j][i] = mean;"],
    /N = 2;.*thread \(0, 1, 0\) and .* thread \(1, 0, 0\).*\n.*a\[\d\]\[\d\], which thread \(1, 0, 0\) writes/,
  ),
  "tile-reused-after-loop": race(
    "tile[thread.x] = sum;",
    /N = 1,.*thread \(0, 0, 0\), n = 0 and .* thread \(63, 0, 0\).*\n.*tile\[\d+\], which thread \(\d+, 0, 0\) reads/,
  ),
  "tile-reused-too-early": race(
    "xs[thread.y][thread.x] = b < B && k < K ? x[b][k] : f32(0);",
    /K = 17,.*k0 = 0,.*k0 = 16.*\n.*writes xs\[\d+\]\[\d+\], which thread \(\d+, \d+, 0\) reads/,
  ),
  "transpose-padded": {
    ...race(
      "if (c < C && r < R) y[c][r] = tile[thread.x][thread.y];",
      /thread \(1, 0, 0\) and .* thread \(0, 1, 0\).*\n.*tile\[\d\]\[\d\], which thread \(\d, \d, 0\) (reads|writes)/,
    ),
    consequences: ["init"],
  },
  "tree-doubling": race(
    "partial[thread.x] = max(partial[thread.x], partial[thread.x + s]);",
    /thread \(0, 0, 0\) and .* thread \(1, 0, 0\).*index 1\n.*writes partial\[1\], which thread \(0, 0, 0\) reads/,
  ),
  "tree-halving": race(
    "if (thread.x < s) partial[thread.x] += partial[thread.x + s];",
    /thread \(1, 0, 0\) and .* thread \(0, 0, 0\).*index 1\n.*partial\[1\], which thread \(0, 0, 0\) reads/,
  ),
  "tree-used-twice": race(
    ["const mean = partial[0] / f32(N);", "partial[thread.x] = largest;"],
    /thread \(\d+, 0, 0\) and .* thread \(0, 0, 0\): index 0\n.*partial\[0\], which thread \(0, 0, 0\) writes/,
  ),
  "vector-overlap": {
    ...race(
      "storeVector(y[block.x][k], four);",
      /thread \(0, 0, 0\) and .* thread \(1, 0, 0\).*\n.*y\[0\]\[0\], which thread \(0, 0, 0\) writes/,
    ),
    consequences: ["coverage"],
  },
  "wave-barrier-across-waves": race(
    "if (thread.x === 0) y[block.x] = max(max(partial[0][0], partial[1][0]), max(partial[2][0], partial[3][0]));",
    /thread \(32, 0, 0\) and .* thread \(0, 0, 0\).*\n.*reads partial\[1\]\[0\], which thread \(32, 0, 0\) writes/,
  ),
  "wave-private-tile": race(
    "tile[thread.x] = 0.5 * other;",
    /rounds = 1;.*thread \(0, 0, 0\), r = 0 and .* thread \(63, 0, 0\), r = 0.*\n.*tile\[0\], which thread \(63, 0, 0\) reads/,
  ),
  wavefront: race(
    "best[i + 1][j + 1] = same ? best[i][j] + 1.0 : max(best[i][j + 1], best[i + 1][j]);",
    /thread \(1, 0, 0\), d = \d+ and .* thread \(0, 0, 0\), d = \d+.*\n.*best\[1\]\[1\], which thread \(0, 0, 0\) writes/,
  ),
};
