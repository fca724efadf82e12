import { barrier, block, f32, input, kernel, mod, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;
const HALF = 32;

/**
 * The two halves of a block stage a value and its square.
 *
 * Broken: the branches use the same slots, as if they ran one after the other. On one wave they do; here the halves are
 * different waves, and race.
 */
export const halves_correct = kernel(
  { x: input(f32, ["B", 32]), y: output(f32, ["B", 32]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const values = shared(f32, [HALF]);
    const squares = shared(f32, [HALF]);
    const lane = mod(thread.x, HALF);
    const own = x[block.x][lane];
    if (thread.x < HALF) values[lane] = own;
    else squares[lane] = own * own;
    barrier();
    if (thread.x < HALF) y[block.x][lane] = values[HALF - 1 - lane] - squares[lane];
  },
);

export const halves_broken = kernel(
  { x: input(f32, ["B", 32]), y: output(f32, ["B", 32]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const values = shared(f32, [HALF]);
    const lane = mod(thread.x, HALF);
    const own = x[block.x][lane];
    if (thread.x < HALF) values[lane] = own;
    else values[lane] = own * own;
    barrier();
    if (thread.x < HALF) y[block.x][lane] = values[HALF - 1 - lane];
  },
);
