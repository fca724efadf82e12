import { block, f32, input, kernel, output, tanh, thread } from "tokitai/dsl";

const TILES = 24;
const TILE = 16;

/**
 * A head of 384 channels, written as 24 tiles of 16 by a block that walks through them.
 *
 * Broken: the loop stops one tile early, since its author counted from 1. The last 16 channels keep what the allocator
 * left there, which in a fresh process is zeros and in a running one a former activation.
 */
export const last_tile_correct = kernel(
  { x: input(f32, ["B", 384]), y: output(f32, ["B", 384]) },
  { grid: ({ B }) => [B], block: [TILE] },
  ({ x, y }) => {
    for (let tile = 0; tile < TILES; tile++) {
      const c = tile * TILE + thread.x;
      y[block.x][c] = tanh(x[block.x][c]);
    }
  },
);

export const last_tile_broken = kernel(
  { x: input(f32, ["B", 384]), y: output(f32, ["B", 384]) },
  { grid: ({ B }) => [B], block: [TILE] },
  ({ x, y }) => {
    for (let tile = 0; tile < TILES - 1; tile++) {
      const c = tile * TILE + thread.x;
      y[block.x][c] = tanh(x[block.x][c]);
    }
  },
);
