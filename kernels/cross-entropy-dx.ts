import {
  block,
  ceilDiv,
  exp,
  f32,
  forall,
  i32,
  input,
  kernel,
  max,
  output,
  requires,
  scalar,
  thread,
} from "tokitai/dsl";
import { LOWEST } from "./math.ts";

const ROWS = 16;
const COLUMNS = 16;

/**
 * dx[b,n] = dloss[b]·(softmax over n's head − 1 at its label): the gradient of cross_entropy
 *
 * One thread per logit: each adds up its own head, which is short.
 */
export const cross_entropy_dx = kernel(
  {
    x: input(f32, ["B", "N"]),
    dloss: input(f32, ["B", 1]),
    first: input(i32, ["B"]),
    second: input(i32, ["B"]),
    split: scalar(i32),
    dx: output(f32, ["B", "N"]),
  },
  {
    computes: "cross_entropy_dx",
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { segments: ["dx", "dloss", "first", "second"] },
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ x, dloss, first, second, split, dx }, { B, N }) => {
    requires(0 < split && split < N);
    requires(forall([B], (b) => 0 <= first[b] && first[b] < split));
    requires(forall([B], (b) => 0 <= second[b] && second[b] < N - split));
    const b = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (b >= B || n >= N) return;
    const from = n < split ? 0 : split;
    const to = n < split ? split : N;
    const label = n < split ? first[b] : split + second[b];
    let top = f32(LOWEST);
    for (let m = from; m < to; m++) top = max(top, x[b][m]);
    let sum = f32(0);
    for (let m = from; m < to; m++) sum += exp(x[b][m] - top);
    dx[b][n] = dloss[b][0] * (exp(x[b][n] - top) / sum - (n === label ? f32(1) : f32(0)));
  },
);
