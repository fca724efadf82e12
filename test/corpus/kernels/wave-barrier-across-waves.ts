import { barrier, block, div, f32, input, kernel, max, mod, output, shared, thread, wave } from "tokitai/dsl";

const THREADS = 128;
const LANES = 32;

/**
 * The largest element of a row: each wave finds its own with wave barriers, then the first thread looks at all waves.
 *
 * Broken: the hand-over between the waves uses a wave barrier as well. It orders the threads of one wave only, so that the
 * first thread may look before the other waves have written.
 */
export const wave_handover_correct = kernel(
  { x: input(f32, ["B", 128]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const partial = shared(f32, [4, LANES]);
    const w = div(thread.x, LANES);
    const lane = mod(thread.x, LANES);
    partial[w][lane] = x[block.x][thread.x];
    barrier();
    for (let s = div(LANES, 2); s > 0; s = div(s, 2)) {
      if (lane < s) partial[w][lane] = max(partial[w][lane], partial[w][lane + s]);
      wave.barrier();
    }
    barrier();
    if (thread.x === 0) y[block.x] = max(max(partial[0][0], partial[1][0]), max(partial[2][0], partial[3][0]));
  },
);

export const wave_handover_broken = kernel(
  { x: input(f32, ["B", 128]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const partial = shared(f32, [4, LANES]);
    const w = div(thread.x, LANES);
    const lane = mod(thread.x, LANES);
    partial[w][lane] = x[block.x][thread.x];
    barrier();
    for (let s = div(LANES, 2); s > 0; s = div(s, 2)) {
      if (lane < s) partial[w][lane] = max(partial[w][lane], partial[w][lane + s]);
      wave.barrier();
    }
    if (thread.x === 0) y[block.x] = max(max(partial[0][0], partial[1][0]), max(partial[2][0], partial[3][0]));
  },
);
