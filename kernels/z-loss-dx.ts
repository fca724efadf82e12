import { block, ceilDiv, exp, f32, input, kernel, log, max, output, scalar, thread } from "tokitai/dsl";
import { LOWEST } from "./math.ts";

const ROWS = 16;
const COLUMNS = 16;

/**
 * dx[b,n] = dloss[b]·2·beta·log Σ exp(x)·softmax(x)[n]: the gradient of z_loss
 *
 * One thread per logit: each adds up its own row, which has one entry per expert.
 */
export const z_loss_dx = kernel(
  {
    x: input(f32, ["B", "N"]),
    dloss: input(f32, ["B", 1]),
    beta: scalar(f32),
    dx: output(f32, ["B", "N"]),
  },
  {
    computes: "z_loss_dx",
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ x, dloss, beta, dx }, { B, N }) => {
    const b = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (b >= B || n >= N) return;
    let top = f32(LOWEST);
    for (let m = 0; m < N; m++) top = max(top, x[b][m]);
    let sum = f32(0);
    for (let m = 0; m < N; m++) sum += exp(x[b][m] - top);
    const size = top + log(sum);
    dx[b][n] = dloss[b][0] * (2.0 * (beta * size)) * (exp(x[b][n] - top) / sum);
  },
);
