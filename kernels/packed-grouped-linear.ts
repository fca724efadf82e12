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
import { PANEL } from "./panel.ts";

const TILE = 16;

/**
 * y[p,n] = Σₖ x[p,k]·w[expert[p],n,k] + bias[expert[p],n] with w in panels, where the rows of an expert stand together
 *
 * As grouped_linear; half a panel is a tile's columns, and is read as it stands.
 */
export const packed_grouped_linear = kernel(
  {
    w: input(f32, ["E", "P", "K", PANEL]),
    x: input(f32, ["T", "K"]),
    bias: input(f32, ["E", "N"]),
    offsets: input(i32, ["E+1"]),
    expert: input(i32, ["T"]),
    y: output(f32, ["T", "N"]),
  },
  {
    computes: "packed_grouped_linear",
    where: { P: ({ N }) => ceilDiv(N, PANEL) },
    grid: ({ T, E, N }) => [ceilDiv(N, TILE), ceilDiv(T, TILE), E],
    block: [TILE, TILE],
    performance: { segments: ["x", "w", "bias", "y"], conflictFree: ["xs", "ws"] },
    budget: { vgprs: 40, lds: 2048, scratch: 0 },
  },
  ({ w, x, bias, offsets, expert, y }, { T, E, K, N }) => {
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
    const ws = shared(f32, [TILE, TILE]);
    const e = block.z;
    const first = offsets[e] + block.y * TILE;
    const end = offsets[e + 1];
    if (first >= end) return;
    const p = first + thread.y;
    const n = block.x * TILE + thread.x;
    const c = mod(block.x, 2) * TILE + thread.x;
    let acc = f32(0);
    for (let k0 = 0; k0 < K; k0 += TILE) {
      xs[thread.y][thread.x] = p < end && k0 + thread.x < K ? x[p][k0 + thread.x] : f32(0);
      ws[thread.y][thread.x] = k0 + thread.y < K ? w[e][div(block.x, 2)][k0 + thread.y][c] : f32(0);
      barrier();
      for (let k = 0; k < TILE; k++) acc += xs[thread.y][k] * ws[k][thread.x];
      barrier();
    }
    if (p < end && n < N) y[p][n] = acc + bias[e][n];
  },
);
