import { atomicAdd, atomicMax, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

export const atomicOfFloat = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }) => {
    const sum = shared(f32, [64]);
    sum[thread.x] = f32(0);
    atomicAdd(sum[0], x[0]);
    atomicMax(y[0], f32(1));
  },
);
