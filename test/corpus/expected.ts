/**
 * What the verifier must say of each broken twin in kernels/: the obligation that is refuted, where, and with which
 * witness. The correct twin is proved whole, which needs no table.
 *
 * Keys are file names without `.ts`. Terms:
 * - `line` is the text of the source line that the obligation points at; of a race, the line of either access.
 * - `witness` matches the sizes, threads and values, and on the next line what the interpreter does on them.
 * - `consequences` are the other kinds that fail for the same mistake; every kind that is not named must be proved.
 * - `unshown` are consequences that stay unknown, since the interpreter runs threads in ascending order and the mistake
 *   shows in another order only.
 */

import type { ObligationKind } from "../../src/verify/obligation.ts";

export interface Expectation {
  readonly kind: ObligationKind;
  readonly code: string;
  readonly line: string | readonly string[];
  readonly witness: RegExp;
  readonly consequences?: readonly ObligationKind[];
  readonly unshown?: readonly ObligationKind[];
}

/** A broken twin that the language cannot say: the front end's code and line. */
export interface Refusal {
  readonly correct: string;
  readonly code: string;
  readonly line: string;
}

const race = (line: Expectation["line"], witness: RegExp): Expectation => ({
  kind: "race",
  code: "TK302",
  line,
  witness,
});
const raceOfBlocks = (line: string, witness: RegExp): Expectation => ({ kind: "race", code: "TK303", line, witness });
const bounds = (line: string, witness: RegExp): Expectation => ({ kind: "bounds", code: "TK301", line, witness });
const divergence = (line: string, witness: RegExp): Expectation => ({
  kind: "divergence",
  code: "TK304",
  line,
  witness,
});
const overflow = (code: "TK305" | "TK306" | "TK307", line: string, witness: RegExp): Expectation => ({
  kind: "overflow",
  code,
  line,
  witness,
});
const launch = (line: string, witness: RegExp): Expectation => ({ kind: "launch", code: "TK308", line, witness });
const contract = (code: "TK309" | "TK312" | "TK318", line: string, witness: RegExp): Expectation => ({
  kind: "contract",
  code,
  line,
  witness,
});
const init = (line: string, witness: RegExp): Expectation => ({ kind: "init", code: "TK314", line, witness });
const unwritten = (line: string, witness: RegExp): Expectation => ({ kind: "coverage", code: "TK315", line, witness });
const writtenTwice = (line: string, witness: RegExp): Expectation => ({
  kind: "coverage",
  code: "TK316",
  line,
  witness,
});
const alignment = (line: string, witness: RegExp): Expectation => ({ kind: "alignment", code: "TK317", line, witness });
const equivalence = (line: string, witness: RegExp): Expectation => ({
  kind: "equivalence",
  code: "TK313",
  line,
  witness,
});

export const EXPECTED: Readonly<Record<string, Expectation>> = {
  "atomic-and-plain": race(
    "if (t === T - 1 && E > 0) counts[0] = 0;",
    /T = 2, E = 1;.*\n.*counts\[0\], which thread \(0, 0, 0\) atomically changes/,
  ),
  "barrier-in-branch": divergence("barrier();", /N = 1;.*\n.*with 1 of 128 threads, without thread \(1, 0, 0\)/),
  "bias-twice": equivalence("y[b][n] = sum + bias[n];", /bias/),
  "block-too-large": launch("export const block_size_broken = kernel(", /R = \d+, C = \d+/),
  "claim-of-other-shape": {
    kind: "shape",
    code: "TK310",
    line: '{ x: input(f32, ["B", "K"]), w: input(f32, ["K", "N"]), y: output(f32, ["B", "N"]) },',
    witness: /K = 0, N = 1/,
  },
  "clamped-tail": {
    ...race("y[i] = max(x[i], 0.0);", /N = 1;.*: index 0\n.*writes y\[0\], which thread \(0, 0, 0\) writes/),
    consequences: ["coverage"],
  },
  "contradictory-requires": contract(
    "TK312",
    "export const contradiction_broken = kernel(",
    /no sizes, block and thread meet them all/,
  ),
  "data-dependent-barrier": divergence("barrier();", /B = 1;.*thread \(\d+, 0, 0\)\n.*with \d+ of 64 threads/),
  "dispatch-by-inverse": unwritten(
    "if (n < N) y[position[block.y]][n] = x[block.y][n];",
    /T = 1, N = 1, P = 2;.*\n.*leaves y\[\d\]\[0\] unwritten/,
  ),
  "divide-by-dimension": {
    ...overflow("TK306", "if (i < N) y[i] = x[i] + bias[mod(i, P)];", /P = 0;.*divisor 0\n.*divides by 0/),
    consequences: ["bounds"],
  },
  "double-buffer-parity": race(
    "for (let k = 0; k < TILE; k++) sum += stage[mod(tile, 2)][k];",
    /B = 1, N = 1;.*tile = 0\b.*\n.*stage\[0\]\[\d+\], which thread \(\d+, 0, 0\) reads/,
  ),
  "early-exit-unwritten": unwritten("scores[row][column] = dot;", /L = 2,.*\n.*leaves scores\[0\]\[1\] unwritten/),
  "empty-grid": {
    ...launch("export const empty_grid_broken = kernel(", /B = 0, N = 1/),
    consequences: ["coverage"],
  },
  "equal-values": race(
    "if (i < N && !(abs(x[i]) <= 3e38)) flag[0] = 1;",
    /N = 2;.*: index 0\n.*writes flag\[0\], which thread \(0, 0, 0\) writes/,
  ),
  "exclusive-scan": contract(
    "TK318",
    "ensures(forall([E], (e) => offsets[e] === prefixSum(counts, e)));",
    /E = \d+;.*\n.*breaks ensures\(forall\(\[E\], .*prefixSum.* at /,
  ),
  "expert-id-sign": bounds(
    "y[t][n] = 0 <= e ? x[t][n] + bias[e][n] : f32(0);",
    /E = 0;.*\n.*reads bias\[0\]\[0\] out of bounds/,
  ),
  "expert-without-tokens": unwritten("dbias[e][n] = sum;", /E = 1;.*\n.*leaves dbias\[0\]\[0\] unwritten/),
  "false-invariant": contract(
    "TK309",
    "invariant(0 <= rank && rank <= m && (m <= n || rank < m));",
    /B = 1, N = 1;.*m = 0\n.*breaks the invariant .* at m = 1/,
  ),
  "flat-index-overflow": overflow(
    "TK305",
    "const at = t * HIDDEN + thread.x;",
    /T = 52430; block \(52429, 0, 0\).*\n.*t \* 40960 = 2147491840, which does not fit 32 bits/,
  ),
  "flattened-batch": bounds(
    "if (n < N) y[block.y][n] = x[block.y * B + n];",
    /M = 2, B = 2, N = 1; block \(0, 1, 0\).*index 2, length 2\n.*reads x\[2\] out of bounds/,
  ),
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
  "grouped-rows": raceOfBlocks(
    "y[t][n] += sum;",
    /block \(0, 0, \d\).* and block \(0, 0, \d\).*\n.*y\[0\]\[0\], which a thread of block \(0, 0, \d\) writes/,
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
  "last-increment": overflow(
    "TK305",
    "for (let i = thread.x; i < limit; i += THREADS) {",
    /limit = 21474\d{5};.*value 2147483648\n.*i \+ 1024 = 2147483648, which does not fit 32 bits/,
  ),
  "last-k-forgotten": equivalence("if (b < B && n < N) y[b][n] = sum;", /K = 1\b/),
  "last-thread-writes-too": writtenTwice(
    "if (thread.x === THREADS - 1) y[block.x] = partial[0];",
    /thread \(0, 0, 0\) and .* thread \(63, 0, 0\).*\n.*from thread \(63, 0, 0\) after thread \(0, 0, 0\)/,
  ),
  "last-tile-unwritten": unwritten(
    "y[block.x][c] = tanh(x[block.x][c]);",
    /B = 1;.*index of axis 1 3(6[89]|7\d|8[0-3])\n.*leaves y\[0\]\[368\] unwritten/,
  ),
  "leader-broadcast": {
    ...race("const i = start[0] + thread.x;", /S = 1,.*\n.*reads start\[0\], which thread \(0, 0, 0\) writes/),
    unshown: ["init"],
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
  "narrowing-store": overflow(
    "TK307",
    "if (t < T) bytes[t] = rows[t] * 8192;",
    /value -?\d{10,}\n.*stores -?\d{10,} into bytes, whose i32 elements do not hold it/,
  ),
  "negative-index": bounds(
    "if (t - k < T) sum += taps[k] * x[b][t - k];",
    /k = 1: .*index of axis 1 -1,.*\n.*reads x\[0\]\[-1\] out of bounds/,
  ),
  "neighbour-without-barrier": {
    ...race(
      "const left = thread.x > 0 ? tile[thread.x - 1] : f32(0);",
      /thread \(0, 0, 0\) and .* thread \(1, 0, 0\).*\n.*reads tile\[0\], which thread \(0, 0, 0\) writes/,
    ),
    unshown: ["init"],
  },
  "output-read-first": {
    ...init(
      "for (let n = 0; n < N; n++) y[m] += a[m][n] * x[n];",
      /M = 1, N = 1;.*n = 0.*\n.*reads y\[0\] before it is written/,
    ),
    consequences: ["coverage"],
  },
  "permutation-not-injective": contract(
    "TK318",
    "ensures(forall([T, T], (s, t) => s === t || to[s] !== to[t]));",
    /T = 2;.*\n.*breaks ensures\(forall\(\[T, T\], .* at s = 0, t(_\d)? = 1/,
  ),
  "positions-not-injective": contract(
    "TK318",
    "ensures(forall([T, T], (s, t) => s === t || ids[s] !== ids[t] || position[s] !== position[t]));",
    /T = 65;.*\n.*breaks ensures\(.* at s\S* = 0, t\S* = 64/,
  ),
  "ragged-tile": bounds(
    "tile[thread.x] = x[block.x][n0 + thread.x];",
    /B = 1, N = 1;.*thread \(1, 0, 0\), n0 = 0:.*\n.*reads x\[0\]\[1\] out of bounds/,
  ),
  "register-accumulator": init(
    "for (let c = 0; c < COLUMNS; c++) sums[c] += x[b][n][c];",
    /B = 1, N = 1;.*b = 0, c = \d.*\n.*reads sums\[0\] before it is written/,
  ),
  "return-before-barrier": divergence(
    "barrier();",
    /B = 1;.*thread \(0, 1, 0\)\n.*with 32 of 256 threads, without thread \(0, 1, 0\)/,
  ),
  "ring-buffer": bounds(
    "if (i < N) window[i] = cache[at < N ? at : at - N];",
    /N = 1, head = (2|-1);.*\n.*reads cache\[(1|-1)\] out of bounds/,
  ),
  "row-and-column-swapped": bounds(
    "for (let k = 0; k < K; k++) sum = fma(x[b][k], w[n][k], sum);",
    /B = 1, K = 1, N = 2;.*\n.*reads w\[1\]\[0\] out of bounds/,
  ),
  "scan-second-barrier": race(
    "const left = thread.x >= s ? sums[thread.x - s] : f32(0);",
    /thread \(0, 0, 0\) and .* thread \(2, 0, 0\).*\n.*reads sums\[0\], which thread \(0, 0, 0\) writes/,
  ),
  "scatter-duplicates": raceOfBlocks(
    "if (n < N) y[position[block.y]][n] = x[block.y][n];",
    /T = 2, N = 1; block \(0, 0, 0\).* block \(0, 1, 0\).*\n.*y\[\d\]\[0\], which a thread of block \(0, 0, 0\) writes/,
  ),
  "segment-offsets": bounds(
    "for (let i = offsets[s]; i < offsets[s + 1]; i++) sum += values[i];",
    /S = 2;.*\n.*reads values\[\d\] out of bounds/,
  ),
  "shared-write-write": race(
    "partial[lane + w] = sum;",
    /thread \(\d+, 0, 0\) and .* thread \(\d\d, 0, 0\).*\n.*partial\[\d+\], which thread \(\d+, 0, 0\) writes/,
  ),
  "softmax-other-axis": equivalence("y[b][n] = exp(x[b][n] - top) / sum;", /exp/),
  "stencil-halo": bounds(
    "if (thread.x === THREADS - 1) tile[thread.x + 2] = i < N ? x[i + 1] : f32(0);",
    /N = 64;.*thread \(63, 0, 0\): index 64, length 64\n.*reads x\[64\] out of bounds/,
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
  "tile-edge-unset": init(
    "if (i < N) y[i] = (tile[thread.x] + tile[thread.x + 1] + tile[thread.x + 2]) / 3.0;",
    /N = 1;.*thread \(0, 0, 0\): index 0\n.*reads tile\[0\] before it is written/,
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
  "transpose-unpadded": unwritten(
    "if (c < C && r < R) y[c][r] = tile[thread.x][thread.y + j];",
    /(R = 1, C = 33|R = 33, C = 1);.*\n.*leaves y\[\d+\]\[\d+\] unwritten/,
  ),
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
  "trip-count": bounds(
    "for (let n = 0; n < count; n++) sum += x[b][n];",
    /N = 0, count = 1;.*n = 0:.*\n.*reads x\[0\]\[0\] out of bounds/,
  ),
  "unreachable-code": contract(
    "TK312",
    "if (n >= N) y[block.y][n] = f32(0);",
    /no sizes, block and thread meet them all/,
  ),
  "variance-of-sample": equivalence(
    "for (let n = 0; n < N; n++) y[b][n] = (x[b][n] - mean) * scale * gamma[n] + beta[n];",
    /sqrt/,
  ),
  "vector-alignment": alignment(
    "loadVector(four, x[block.y][k]);",
    /B = 2, K = 5; block \(0, 1, 0\).*row length 5\n.*reads 4 lanes from x\[1\]\[0\] on, element 5, which is no multiple of 4/,
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
};

export const REFUSED: Readonly<Record<string, Refusal>> = {
  "atomic-slots-refused": {
    correct: "atomic-slots",
    code: "TK150",
    line: "if (t < T) slot[t] = atomicAdd(next[ids[t]], 1);",
  },
};

/** Pairs that do not pass, and what they wait for. Each must fail: one that passes is taken off the list. */
export const PENDING: Readonly<Record<string, string>> = {
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
  "tree-used-twice": "the race is placed at a write that has the same text and no part in it",
  "in-place-neighbours": "the race of two blocks is confirmed by a race within a block",
};
