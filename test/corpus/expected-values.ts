/** Expectations: integers, launches, contracts, and what a kernel claims to compute. */

import {
  brokenEnsures,
  conditionReads,
  divisor,
  type Expectations,
  equivalence,
  falseInvariant,
  launch,
  narrowing,
  shape,
  tooLarge,
  vacuous,
} from "./expectation.ts";

export const VALUES: Expectations = {
  "bias-twice": equivalence(
    "y[b][n] = sum + bias[n];",
    /K = 0, N = 1; y\[0\]\[0\] is bias\[0\] \+ bias\[0\], where linear gives bias\[0\]\n/,
  ),
  "block-too-large": launch("export const block_size_broken = kernel(", /R = \d+, C = \d+/),
  "claim-of-other-shape": {
    ...shape('{ x: input(f32, ["B", "K"]), w: input(f32, ["K", "N"]), y: output(f32, ["B", "N"]) },', /K = 0, N = 1/),
    consequences: ["equivalence"],
  },
  "contract-out-of-bounds": conditionReads(
    "requires(forall([E + 1], (e) => offsets[e] <= offsets[e + 1]));",
    /E = 0;.*\n.*reads offsets\[1\] out of bounds/,
  ),
  "contradictory-data": vacuous(
    [
      "requires(forall([T], (t) => ids[t] < 0));",
      "export const data_contradiction_broken = kernel(",
      "y[thread.x] = x[ids[0]][thread.x];",
    ],
    /no sizes, block and thread meet them all/,
  ),
  "contradictory-pairs": vacuous(
    [
      "requires(forall([T, T], (s, t) => s === t || place[s] < place[t]));",
      "export const distinct_places_broken = kernel(",
    ],
    /no sizes, block and thread meet them all/,
  ),
  "contradictory-requires": vacuous(
    "export const contradiction_broken = kernel(",
    /no sizes, block and thread meet them all/,
  ),
  "count-of-all-tokens": brokenEnsures(
    "ensures(forall([T], (t) => rank[t] === occurrences(ids, t, ids[t])));",
    /T = 1;.*\n.*breaks ensures\(.*occurrences.* at t = 0/,
  ),
  "divide-by-dimension": {
    ...divisor("if (i < N) y[i] = x[i] + bias[mod(i, P)];", /P = 0;.*divisor 0\n.*divides by 0/),
    consequences: ["bounds"],
  },
  "empty-grid": {
    ...launch("export const empty_grid_broken = kernel(", /B = 0, N = 1/),
    consequences: ["coverage"],
  },
  "exclusive-scan": brokenEnsures(
    "ensures(forall([E], (e) => offsets[e] === prefixSum(counts, e)));",
    /E = \d+;.*\n.*breaks ensures\(forall\(\[E\], .*prefixSum.* at /,
  ),
  "false-invariant": falseInvariant(
    "invariant(0 <= rank && rank <= m && (m <= n || rank < m));",
    /B = 1, N = 1;.*m = 0\n.*breaks the invariant .* at m = 1/,
  ),
  "flat-index-overflow": tooLarge(
    "const at = t * HIDDEN + thread.x;",
    /T = 52430; block \(52429, 0, 0\).*\n.*t \* 40960 = 2147491840, which does not fit 32 bits/,
  ),
  "offsets-of-negative-ids": falseInvariant(
    "invariant(sum === below(ids, T, e));",
    /T = 1, E = 0;.*\n.*breaks the invariant .* at e = 0/,
  ),
  "last-increment": tooLarge(
    "for (let i = thread.x; i < limit; i += THREADS) {",
    /limit = 21474\d{5};.*value 2147483648\n.*i \+ 1024 = 2147483648, which does not fit 32 bits/,
  ),
  "last-k-forgotten": equivalence(
    "if (b < B && n < N) y[b][n] = sum;",
    /B = 1, K = 1, N = 1; y\[0\]\[0\] is 0, where matmul gives x\[0\]\[0\]\*w\[0\]\[0\]\n/,
  ),
  "narrowing-store": narrowing(
    "if (t < T) bytes[t] = rows[t] * 8192;",
    /value -?\d{10,}\n.*stores -?\d{10,} into bytes, whose i32 elements do not hold it/,
  ),
  "negative-grid": launch("export const differences_broken = kernel(", /N = 0/),
  "permutation-not-injective": brokenEnsures(
    "ensures(forall([T, T], (s, t) => s === t || to[s] !== to[t]));",
    /T = 2;.*\n.*breaks ensures\(forall\(\[T, T\], .* at s = 0, t(_\d)? = 1/,
  ),
  "positions-not-injective": brokenEnsures(
    "ensures(forall([T, T], (s, t) => s === t || ids[s] !== ids[t] || position[s] !== position[t]));",
    /T = 65;.*\n.*breaks ensures\(.* at s\S* = 0, t\S* = 64/,
  ),
  "shared-too-large": launch("export const shared_size_broken = kernel(", /B = \d+/),
  "softmax-other-axis": equivalence(
    "y[b][n] = exp(x[b][n] - top) / sum;",
    /B = 1, N = 2; y\[0\]\[0\] is 1, where softmax gives exp\(x\[0\]\[0\] - max\(x\[0\]\[0\], x\[0\]\[1\]\)\).*\n/,
  ),
  "unreachable-code": vacuous("if (n >= N) y[block.y][n] = f32(0);", /no sizes, block and thread meet them all/),
  "unsigned-underflow": narrowing(
    "if (g < G) last[g] = counts[g] - 1;",
    /G = 1;.*value -1\n.*stores -1 into last, whose u32 elements do not hold it/,
  ),
  "unsorted-after-merge": brokenEnsures(
    "ensures(forall([E, E], (d, e) => implies(d <= e, after[d] <= after[e])));",
    /E = 2,.*\n.*breaks ensures\(.* at d\S* = 0, e\S* = 1/,
  ),
  "variance-of-sample": equivalence(
    "for (let n = 0; n < N; n++) y[b][n] = (x[b][n] - mean) * scale * gamma[n] + beta[n];",
    /B = 1, N = 1; y\[0\]\[0\] is ‹a division by 0›, where layer_norm gives beta\[0\]\n.*computes y\[0\]\[0\] = NaN/,
  ),
  "wide-id-product": tooLarge(
    "const at = ids[block.x] * 64 + thread.x;",
    /value -?9223372036854\d+\n.*ids\[block\.x\] \* 64 = -?9223372036854\d+, which does not fit 64 bits/,
  ),
};
