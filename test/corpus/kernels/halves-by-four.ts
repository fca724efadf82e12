import {
  block,
  ceilDiv,
  f16,
  input,
  kernel,
  loadVector,
  mod,
  output,
  registers,
  requires,
  storeVector,
  thread,
} from "tokitai/dsl";

const THREADS = 64;

/**
 * Copies halves eight at a time, 16 bytes in one access.
 *
 * Broken: the rows' length is checked as if an access moved four elements, as it does of floats.
 */
export const halves_by_four_correct = kernel(
  { x: input(f16, ["B", "K"]), y: output(f16, ["B", "K"]) },
  { grid: ({ B, K }) => [ceilDiv(K, 8 * THREADS), B], block: [THREADS] },
  ({ x, y }, { K }) => {
    requires(mod(K, 8) === 0);
    const eight = registers(f16, [8]);
    const k = (block.x * THREADS + thread.x) * 8;
    if (k >= K) return;
    loadVector(eight, x[block.y][k]);
    storeVector(y[block.y][k], eight);
  },
);

export const halves_by_four_broken = kernel(
  { x: input(f16, ["B", "K"]), y: output(f16, ["B", "K"]) },
  { grid: ({ B, K }) => [ceilDiv(K, 8 * THREADS), B], block: [THREADS] },
  ({ x, y }, { K }) => {
    requires(mod(K, 4) === 0);
    const eight = registers(f16, [8]);
    const k = (block.x * THREADS + thread.x) * 8;
    if (k >= K) return;
    loadVector(eight, x[block.y][k]);
    storeVector(y[block.y][k], eight);
  },
);
