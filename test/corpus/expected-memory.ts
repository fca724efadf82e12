/** Expectations: accesses out of bounds, unaligned, before a write; elements that nobody or too many write. */

import { alignment, bounds, type Expectations, init, unwritten, writtenTwice } from "./expectation.ts";

export const MEMORY: Expectations = {
  "dispatch-by-inverse": unwritten(
    "if (n < N) y[position[block.y]][n] = x[block.y][n];",
    /T = 1, N = 1, P = 2;.*\n.*leaves y\[\d\]\[0\] unwritten/,
  ),
  "early-exit-unwritten": unwritten("scores[row][column] = dot;", /L = 2,.*\n.*leaves scores\[0\]\[1\] unwritten/),
  "expert-id-sign": bounds(
    "y[t][n] = 0 <= e ? x[t][n] + bias[e][n] : f32(0);",
    /E = 0;.*\n.*reads bias\[0\]\[0\] out of bounds/,
  ),
  "expert-without-tokens": unwritten("dbias[e][n] = sum;", /E = 1;.*\n.*leaves dbias\[0\]\[0\] unwritten/),
  "flattened-batch": bounds(
    "if (n < N) y[block.y][n] = x[block.y * B + n];",
    /M = 2, B = 2, N = 1; block \(0, 1, 0\).*index 2, length 2\n.*reads x\[2\] out of bounds/,
  ),
  "flattened-gap": unwritten(
    "if (n + 1 < N) y[block.y * N + n] = x[block.y][n];",
    /B = 1, N = 1.*: index 0\n.*leaves y\[0\] unwritten/,
  ),
  flip: {
    ...bounds("if (i < N) y[N - i] = x[i];", /N = 1;.*index 1, length 1\n.*writes y\[1\] out of bounds/),
    consequences: ["coverage"],
    // covers(…) names a thread that writes elsewhere, so that another one writes; no run shows it to write twice.
    unconfirmed: ["coverage"],
  },
  "gather-out-of-range": bounds(
    "if (n < N) y[block.y][n] = table[ids[block.y]][n];",
    /T = 1, V = 0,.*\n.*reads table\[0\]\[0\] out of bounds/,
  ),
  "grid-axes-swapped": unwritten(
    "if (b < B && n < N) y[b][n] = x[b][n] + bias[n];",
    /B = \d+, N = \d+;.*\n.*leaves y\[\d+\]\[\d+\] unwritten/,
  ),
  "grid-rounded-down": unwritten(
    "if (i < N) y[i] = (gate[i] / (1.0 + exp(-gate[i]))) * up[i];",
    /N = 257;.*index 256\n.*leaves y\[256\] unwritten/,
  ),
  "halves-by-four": {
    ...alignment(
      "loadVector(eight, x[block.y][k]);",
      /B = 2, K = 4;.*index 0, row length 4\n.*element 4, which is no multiple of 8/,
    ),
    consequences: ["bounds"],
  },
  "last-thread-writes-too": writtenTwice(
    "if (thread.x === THREADS - 1) y[block.x] = partial[0];",
    /thread \(0, 0, 0\) and .* thread \(63, 0, 0\).*\n.*from thread \(63, 0, 0\) after thread \(0, 0, 0\)/,
  ),
  "last-tile-unwritten": unwritten(
    "y[block.x][c] = tanh(x[block.x][c]);",
    /B = 1;.*index of axis 1 368\n.*leaves y\[0\]\[368\] unwritten/,
  ),
  "last-token-skipped": unwritten("source[next] = t;", /T = 1, E = 1;.*index 0\n.*leaves source\[0\] unwritten/),
  "negative-index": bounds(
    "if (t - k < T) sum += taps[k] * x[b][t - k];",
    /k = 1: .*index of axis 1 -1,.*\n.*reads x\[0\]\[-1\] out of bounds/,
  ),
  "output-read-first": {
    ...init(
      "for (let n = 0; n < N; n++) y[m] += a[m][n] * x[n];",
      /M = 1, N = 1;.*n = 0.*\n.*reads y\[0\] before it is written/,
    ),
    consequences: ["coverage"],
  },
  "random-row": bounds(
    "if (t < T) y[t] = table[mod(randomBits(seed, 0, step, t), V + 1)];",
    /V = 1, T = 1;.*\n.*reads table\[1\] out of bounds/,
  ),
  "padded-routing": bounds(
    "for (let k = 0; k < K; k++) sum += x[tokens[p]][k] * w[experts[p]][n][k];",
    /T = 0, K = 1,.*\n.*reads x\[0\]\[0\] out of bounds/,
  ),
  "paged-cache": bounds(
    "for (let t = 0; t < lengths[b]; t++) sum += keys[pages[b][div(t, PAGE)]][mod(t, PAGE)][thread.x];",
    /B = 1, M = 0,.*t = 0:.*\n.*reads pages\[0\]\[0\] out of bounds/,
  ),
  "partial-register-load": init(
    "storeVector(y[n][0], four);",
    /N = 1;.*index 3\n.*reads four\[3\] before it is written/,
  ),
  "ragged-tile": bounds(
    "tile[thread.x] = x[block.x][n0 + thread.x];",
    /B = 1, N = 1;.*thread \(1, 0, 0\), n0 = 0:.*\n.*reads x\[0\]\[1\] out of bounds/,
  ),
  "register-accumulator": init(
    "for (let c = 0; c < COLUMNS; c++) sums[c] += x[b][n][c];",
    /B = 1, N = 1;.*b = 0, c = \d.*\n.*reads sums\[0\] before it is written/,
  ),
  "ring-buffer": bounds(
    "if (i < N) window[i] = cache[at < N ? at : at - N];",
    /N = 1, head = (2|-1);.*\n.*reads cache\[(1|-1)\] out of bounds/,
  ),
  "row-and-column-swapped": bounds(
    "for (let k = 0; k < K; k++) sum = fma(x[b][k], w[n][k], sum);",
    /B = 1, K = 1, N = 2;.*\n.*reads w\[1\]\[0\] out of bounds/,
  ),
  "segment-offsets": bounds(
    "for (let i = offsets[s]; i < offsets[s + 1]; i++) sum += values[i];",
    /S = 2;.*\n.*reads values\[\d\] out of bounds/,
  ),
  "reversed-short": unwritten("if (i < N - 1) y[N - 1 - i] = x[i];", /N = 1;.*: index 0\n.*leaves y\[0\] unwritten/),
  "stale-contract": bounds("y[t] = bias[ids[t]];", /T = 1, E = 1;.*\n.*reads bias\[-?\d+\] out of bounds/),
  "stencil-halo": bounds(
    "if (thread.x === THREADS - 1) tile[thread.x + 2] = i < N ? x[i + 1] : f32(0);",
    /N = 64;.*thread \(63, 0, 0\): index 64, length 64\n.*reads x\[64\] out of bounds/,
  ),
  "tile-edge-unset": init(
    "if (i < N) y[i] = (tile[thread.x] + tile[thread.x + 1] + tile[thread.x + 2]) / 3.0;",
    /N = 1;.*thread \(0, 0, 0\): index 0\n.*reads tile\[0\] before it is written/,
  ),
  "transpose-unpadded": unwritten(
    "if (c < C && r < R) y[c][r] = tile[thread.x][thread.y + j];",
    /(R = 1, C = 33|R = 33, C = 1);.*\n.*leaves y\[\d+\]\[\d+\] unwritten/,
  ),
  "trip-count": bounds(
    "for (let n = 0; n < count; n++) sum += x[b][n];",
    /N = 0, count = 1;.*n = 0:.*\n.*reads x\[0\]\[0\] out of bounds/,
  ),
  "vector-alignment": alignment(
    "loadVector(four, x[block.y][k]);",
    /B = 2, K = 5; block \(0, 1, 0\).*row length 5\n.*reads 4 lanes from x\[1\]\[0\] on, element 5, which is no multiple of 4/,
  ),
  "vector-in-padded-tile": alignment(
    "storeVector(tile[div(thread.x, 4)][mod(thread.x, 4) * 4], four);",
    /thread \(4, 0, 0\): .*row length 17\n.*writes 4 lanes from tile\[1\]\[0\] on, element 17, which is no multiple of 4/,
  ),
  "vector-tail": bounds("loadVector(four, x[n]);", /N = 1;.*index 0, length 1\n.*reads x\[1\] out of bounds/),
};
