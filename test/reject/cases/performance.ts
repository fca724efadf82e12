import { block, ceilDiv, f32, input, kernel, output, registers, thread } from "tokitai/dsl";

export const names = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  {
    grid: ({ N }) => [ceilDiv(N, 64)],
    block: [64],
    performance: { coalesced: ["z"], conflictFree: ["y", "r"] },
  },
  ({ x, y }, { N }) => {
    const r = registers(f32, [1]);
    const i = block.x * 64 + thread.x;
    r[0] = 1.0;
    if (i < N) y[i] = x[i] + r[0];
  },
);

export const forms = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64], performance: { coalesced: "x", fast: ["y"], conflictFree: [] } },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i];
  },
);

export const sizes = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  {
    grid: ({ N }) => [ceilDiv(N, 64)],
    block: [64],
    performance: { segments: { x: 48, y: "all", ["z"]: 64 } },
  },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i];
  },
);

export const segments_of_nothing = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64], performance: { segments: { z: 32 }, conflictFree: ["y"] } },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i];
  },
);

export const empty = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64], performance: { segments: {} } },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i];
  },
);
