import { barrier, block, f32, forall, i32, input, kernel, output, requires, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * y[b,t] = x[b,order[t]], by shared memory.
 *
 * Broken: which words the threads of a wave read is up to the data, which may send two of them to one bank. The other
 * reads in order and writes where the data says.
 */
export const order_correct = kernel(
  { x: input(f32, ["B", 64]), order: input(i32, [64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS], performance: { conflictFree: ["row"] } },
  ({ x, order, y }) => {
    requires(forall([64], (t) => 0 <= order[t] && order[t] < 64));
    const row = shared(f32, [THREADS]);
    row[thread.x] = x[block.x][order[thread.x]];
    barrier();
    y[block.x][thread.x] = row[thread.x];
  },
);

export const order_broken = kernel(
  { x: input(f32, ["B", 64]), order: input(i32, [64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS], performance: { conflictFree: ["row"] } },
  ({ x, order, y }) => {
    requires(forall([64], (t) => 0 <= order[t] && order[t] < 64));
    const row = shared(f32, [THREADS]);
    row[thread.x] = x[block.x][thread.x];
    barrier();
    y[block.x][thread.x] = row[order[thread.x]];
  },
);
