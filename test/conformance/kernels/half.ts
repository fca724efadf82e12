import {
  barrier,
  bf16,
  block,
  ceilDiv,
  f16,
  f32,
  type HalfElement,
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

/** Every conversion between f32 and a half: widened, rounded to the nearest, and rounded by given integers. */
const conversionsOf = (T: HalfElement) =>
  kernel(
    {
      h: input(T, ["N"]),
      x: input(f32, ["N"]),
      bits: input(i32, ["N"]),
      widened: output(f32, ["N"]),
      nearest: output(T, ["N"]),
      either: output(T, ["N"]),
      seen: output(f32, ["N"]),
    },
    { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
    ({ h, x, bits, widened, nearest, either, seen }, { N }) => {
      const i = block.x * THREADS + thread.x;
      if (i >= N) return;
      widened[i] = h[i];
      const rounded = T(x[i]);
      nearest[i] = rounded;
      either[i] = stochasticRound(T, x[i], bits[i]);
      // What is computed with is the rounded value, and sums are those of floats.
      seen[i] = rounded + h[i] * 0.000030517578125;
    },
  );
export const half_conversions = conversionsOf(f16);
export const bf16_conversions = conversionsOf(bf16);

/** Eight halves in one access, reversed through shared memory, the middle ones negated. */
const vectorsOf = (T: HalfElement) =>
  kernel(
    { x: input(T, ["N"]), y: output(T, ["N"]) },
    { grid: ({ N }) => [ceilDiv(N, 8 * THREADS)], block: [THREADS] },
    ({ x, y }, { N }) => {
      requires(mod(N, 8) === 0);
      const eight = registers(T, [8]);
      const turned = registers(T, [8]);
      const tile = shared(T, [THREADS, 8]);
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
export const half_vectors = vectorsOf(f16);
export const bf16_vectors = vectorsOf(bf16);

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
