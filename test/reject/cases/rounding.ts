import {
  atomicAdd,
  bf16,
  block,
  ceilDiv,
  f16,
  f32,
  i32,
  inout,
  input,
  invariant,
  kernel,
  randomBits,
  requires,
  scalar,
  stochasticRound,
  thread,
} from "tokitai/dsl";

export const malformed = kernel(
  { x: input(f32, ["N"]), y: inout(f16, ["N"]), seed: scalar(i32) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y, seed }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i >= N) return;
    y[i] = f16(i);
    y[i] = f16(x[i], x[i]);
    y[i] = bf16(x[i], x[i]);
    y[i] = bf16(i);
    y[i] = stochasticRound(bf16, i, 3);
    y[i] = stochasticRound(f32, x[i], 3);
    y[i] = stochasticRound(f16, x[i], x[i]);
    y[i] = stochasticRound(f16, x[i], randomBits(seed, i));
    y[i] = stochasticRound(f16, x[i], randomBits(seed, 0, 0, x[i]));
    atomicAdd(y[i], 1);
  },
);

export const ofSpecifications = kernel(
  { x: input(f32, ["N"]), y: inout(f32, ["N"]), seed: scalar(i32), small: scalar(f32) },
  { grid: ({ N }) => [randomBits(N, 0, 0, 0)], block: [64] },
  ({ x, y, seed, small }, { N }) => {
    requires(f16(small) > 0.0);
    requires(randomBits(seed, 0, 0, 0) > 3);
    const i = block.x * 64 + thread.x;
    if (i >= N) return;
    let sum = f32(0);
    for (let j = 0; j < N; j++) {
      invariant(randomBits(seed, 0, 0, j) >= 0);
      sum += x[j];
    }
    y[i] = sum;
  },
);

export const ofHalves = kernel(
  { x: input(f16, ["N"]), y: inout(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[x[i]] = 1.0;
  },
);
