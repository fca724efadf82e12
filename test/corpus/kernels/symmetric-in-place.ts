import { block, ceilDiv, f32, inout, kernel, thread } from "tokitai/dsl";

const TILE = 16;

/**
 * Makes a square matrix symmetric, in place.
 *
 * Broken: every thread writes both its element and the mirrored one. The two threads of a pair race for both, with sums
 * in a different order, so that the matrix ends almost symmetric.
 */
export const symmetric_correct = kernel(
  { a: inout(f32, ["N", "N"]) },
  { grid: ({ N }) => [ceilDiv(N, TILE), ceilDiv(N, TILE)], block: [TILE, TILE] },
  ({ a }, { N }) => {
    const i = block.y * TILE + thread.y;
    const j = block.x * TILE + thread.x;
    if (j >= N || i >= j) return;
    const mean = 0.5 * (a[i][j] + a[j][i]);
    a[i][j] = mean;
    a[j][i] = mean;
  },
);

export const symmetric_broken = kernel(
  { a: inout(f32, ["N", "N"]) },
  { grid: ({ N }) => [ceilDiv(N, TILE), ceilDiv(N, TILE)], block: [TILE, TILE] },
  ({ a }, { N }) => {
    const i = block.y * TILE + thread.y;
    const j = block.x * TILE + thread.x;
    if (j >= N || i >= N) return;
    const mean = 0.5 * (a[i][j] + a[j][i]);
    a[i][j] = mean;
    a[j][i] = mean;
  },
);
