import {
  barrier,
  block,
  ceilDiv,
  covers,
  div,
  f32,
  forall,
  i32,
  input,
  kernel,
  mod,
  output,
  requires,
  shared,
  thread,
} from "tokitai/dsl";

const TILE = 16;

/**
 * y[p,n] = Σₖ x[p,k]·w[expert[p],n,k] + bias[expert[p],n], where the rows of an expert stand together
 *
 * One block per expert and tile of its rows and columns. No expert is known to have few rows, so that there are as many
 * row tiles as one expert could need; a block beyond its expert's rows has nothing to do.
 */
export const grouped_linear = kernel(
  {
    x: input(f32, ["T", "K"]),
    w: input(f32, ["E", "N", "K"]),
    bias: input(f32, ["E", "N"]),
    offsets: input(i32, ["E+1"]),
    expert: input(i32, ["T"]),
    y: output(f32, ["T", "N"]),
  },
  {
    computes: "grouped_linear",
    grid: ({ T, E, N }) => [ceilDiv(N, TILE), ceilDiv(T, TILE), E],
    block: [TILE, TILE],
    performance: { segments: ["x", "w", "bias", "y"], conflictFree: ["xs", "ws"] },
    budget: { vgprs: 40, lds: 2176, scratch: 0 },
  },
  ({ x, w, bias, offsets, expert, y }, { T, E, K, N }) => {
    requires(
      forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
    );
    requires(offsets[0] === 0 && offsets[E] === T);
    requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    covers(y, (p, n) => ({
      block: [div(n, TILE), div(p - offsets[expert[p]], TILE), expert[p]],
      thread: [mod(n, TILE), mod(p - offsets[expert[p]], TILE)],
    }));
    const xs = shared(f32, [TILE, TILE]);
    // Transposed, in rows two longer than the tile: a wave stores two columns, and all its words are in different banks.
    const ws = shared(f32, [TILE, TILE + 2]);
    const e = block.z;
    const first = offsets[e] + block.y * TILE;
    const end = offsets[e + 1];
    if (first >= end) return;
    const p = first + thread.y;
    const n = block.x * TILE + thread.x;
    const row = block.x * TILE + thread.y;
    let acc = f32(0);
    for (let k0 = 0; k0 < K; k0 += TILE) {
      xs[thread.y][thread.x] = p < end && k0 + thread.x < K ? x[p][k0 + thread.x] : f32(0);
      ws[thread.x][thread.y] = row < N && k0 + thread.x < K ? w[e][row][k0 + thread.x] : f32(0);
      barrier();
      for (let k = 0; k < TILE; k++) acc += xs[thread.y][k] * ws[k][thread.x];
      barrier();
    }
    if (p < end && n < N) y[p][n] = acc + bias[e][n];
  },
);
