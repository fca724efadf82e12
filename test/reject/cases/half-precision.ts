import { bf16, block, ceilDiv, f16, f32, input, kernel, output, thread } from "tokitai/dsl";

export const ofTwoFormats = kernel(
  { x: input(f32, ["N"]), h: input(f16, ["N"]), y: output(bf16, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, h, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i >= N) return;
    y[i] = x[i];
    y[i] = h[i];
    y[i] = f16(x[i]);
    y[i] = i > 2 ? h[i] : bf16(h[i]);
    y[i] = 1.0009765625;
    y[i] *= 0.5;
    const held = bf16(x[i]);
    y[i] = i > 2 ? held : -2.0;
  },
);

export const notRounded = kernel(
  { x: input(f16, ["N"]), y: output(f16, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i >= N) return;
    let mutable = f16(x[i]);
    mutable = mutable * 2.0;
    y[i] = x[i] + x[i];
    y[i] = mutable;
    y[i] = 0.1;
    y[i] = i > 2 ? x[i] : f32(i);
    y[i] += f16(x[i]);
  },
);
