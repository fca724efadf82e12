import {
  barrier,
  bf16,
  block,
  ceilDiv,
  f16,
  f32,
  i32,
  i64,
  input,
  kernel,
  loadVector,
  mod,
  output,
  randomBits,
  registers,
  requires,
  scalar,
  shared,
  stochasticRound,
  storeVector,
  thread,
} from "tokitai/dsl";

const THREADS = 64;

/** Every conversion between the two float types: widened, rounded to the nearest, and rounded by given integers. */
export const half_conversions = kernel(
  {
    h: input(f16, ["N"]),
    x: input(f32, ["N"]),
    bits: input(i32, ["N"]),
    widened: output(f32, ["N"]),
    nearest: output(f16, ["N"]),
    either: output(f16, ["N"]),
    seen: output(f32, ["N"]),
  },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ h, x, bits, widened, nearest, either, seen }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i >= N) return;
    widened[i] = h[i];
    const rounded = f16(x[i]);
    nearest[i] = rounded;
    either[i] = stochasticRound(f16, x[i], bits[i]);
    // What is computed with is the rounded value, and sums are those of floats.
    seen[i] = rounded + h[i] * 0.000030517578125;
  },
);

/** Eight halves in one access, reversed through shared memory, the middle ones negated. */
export const half_vectors = kernel(
  { x: input(f16, ["N"]), y: output(f16, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 8 * THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    requires(mod(N, 8) === 0);
    const eight = registers(f16, [8]);
    const turned = registers(f16, [8]);
    const tile = shared(f16, [THREADS, 8]);
    const i = (block.x * THREADS + thread.x) * 8;
    if (i < N) {
      loadVector(eight, x[i]);
      for (let l = 0; l < 8; l++) tile[thread.x][7 - l] = eight[l];
    }
    barrier();
    if (i < N) {
      for (let l = 0; l < 8; l++) {
        const value = tile[thread.x][l];
        turned[l] = 2 < l && l < 6 ? -value : value;
      }
      storeVector(y[i], turned);
    }
  },
);

/** Every conversion between f32 and bf16: widened, rounded to the nearest, and rounded by given integers. */
export const bf16_conversions = kernel(
  {
    h: input(bf16, ["N"]),
    x: input(f32, ["N"]),
    bits: input(i32, ["N"]),
    widened: output(f32, ["N"]),
    nearest: output(bf16, ["N"]),
    either: output(bf16, ["N"]),
    seen: output(f32, ["N"]),
  },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ h, x, bits, widened, nearest, either, seen }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i >= N) return;
    widened[i] = h[i];
    const rounded = bf16(x[i]);
    nearest[i] = rounded;
    either[i] = stochasticRound(bf16, x[i], bits[i]);
    // What is computed with is the rounded value, and sums are those of floats.
    seen[i] = rounded + h[i] * 0.000030517578125;
  },
);

/** Eight bf16 in one access, reversed through shared memory, the middle ones negated. */
export const bf16_vectors = kernel(
  { x: input(bf16, ["N"]), y: output(bf16, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 8 * THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    requires(mod(N, 8) === 0);
    const eight = registers(bf16, [8]);
    const turned = registers(bf16, [8]);
    const tile = shared(bf16, [THREADS, 8]);
    const i = (block.x * THREADS + thread.x) * 8;
    if (i < N) {
      loadVector(eight, x[i]);
      for (let l = 0; l < 8; l++) tile[thread.x][7 - l] = eight[l];
    }
    barrier();
    if (i < N) {
      for (let l = 0; l < 8; l++) {
        const value = tile[thread.x][l];
        turned[l] = 2 < l && l < 6 ? -value : value;
      }
      storeVector(y[i], turned);
    }
  },
);

/** The random integers themselves. */
export const random_integers = kernel(
  { y: output(i32, ["N"]), seed: scalar(i64), stream: scalar(i64), step: scalar(i64), first: scalar(i32) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ y, seed, stream, step, first }, { N }) => {
    requires(0 <= first && first < 1000);
    const i = block.x * THREADS + thread.x;
    if (i < N) y[i] = randomBits(seed, stream, step, i - first);
  },
);
