import {
  block,
  ceilDiv,
  f32,
  inout,
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
 * Copies rows four floats at a time.
 *
 * Broken: the guard looks after the length of a row, not after where it starts. With K = 6 the second row begins 24 bytes
 * in, which no 16-byte access may: a fault on some hardware, silently the wrong four floats on other.
 */
export const vector_copy_correct = kernel(
  { x: input(f32, ["B", "K"]), y: output(f32, ["B", "K"]) },
  { grid: ({ B, K }) => [ceilDiv(K, 4 * THREADS), B], block: [THREADS] },
  ({ x, y }, { K }) => {
    requires(mod(K, 4) === 0);
    const four = registers(f32, [4]);
    const k = (block.x * THREADS + thread.x) * 4;
    if (k >= K) return;
    loadVector(four, x[block.y][k]);
    storeVector(y[block.y][k], four);
  },
);

export const vector_copy_broken = kernel(
  { x: input(f32, ["B", "K"]), y: inout(f32, ["B", "K"]) },
  { grid: ({ B, K }) => [ceilDiv(K, 4 * THREADS), B], block: [THREADS] },
  ({ x, y }, { K }) => {
    const four = registers(f32, [4]);
    const k = (block.x * THREADS + thread.x) * 4;
    if (k + 4 > K) return;
    loadVector(four, x[block.y][k]);
    for (let l = 0; l < 4; l++) y[block.y][k + l] = four[l];
  },
);
