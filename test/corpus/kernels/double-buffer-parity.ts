import { barrier, block, ceilDiv, f32, input, kernel, mod, output, shared, thread } from "tokitai/dsl";

const TILE = 64;

/**
 * Tiles of a row are summed while the next one is being staged: two buffers, one barrier per tile.
 *
 * Broken: the next tile goes into the buffer that is being read. With one barrier per tile nothing separates the two, so
 * that fast waves overwrite what slow ones still add up.
 */
export const double_buffer_correct = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [TILE] },
  ({ x, y }, { N }) => {
    const stage = shared(f32, [2, TILE]);
    stage[0][thread.x] = thread.x < N ? x[block.x][thread.x] : f32(0);
    barrier();
    let sum = f32(0);
    for (let tile = 0; tile < ceilDiv(N, TILE); tile++) {
      const next = (tile + 1) * TILE + thread.x;
      stage[mod(tile + 1, 2)][thread.x] = next < N ? x[block.x][next] : f32(0);
      for (let k = 0; k < TILE; k++) sum += stage[mod(tile, 2)][k];
      barrier();
    }
    if (thread.x === 0) y[block.x] = sum;
  },
);

export const double_buffer_broken = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [TILE] },
  ({ x, y }, { N }) => {
    const stage = shared(f32, [2, TILE]);
    stage[0][thread.x] = thread.x < N ? x[block.x][thread.x] : f32(0);
    stage[1][thread.x] = f32(0);
    barrier();
    let sum = f32(0);
    for (let tile = 0; tile < ceilDiv(N, TILE); tile++) {
      const next = (tile + 1) * TILE + thread.x;
      stage[mod(tile, 2)][thread.x] = next < N ? x[block.x][next] : f32(0);
      for (let k = 0; k < TILE; k++) sum += stage[mod(tile, 2)][k];
      barrier();
    }
    if (thread.x === 0) y[block.x] = sum;
  },
);
