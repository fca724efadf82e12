import {
  block,
  ceilDiv,
  exp,
  f32,
  forall,
  i32,
  input,
  kernel,
  log,
  max,
  output,
  requires,
  scalar,
  thread,
} from "tokitai/dsl";
import { LOWEST } from "./math.ts";

const ROWS = 64;

/**
 * loss[b] = the cross-entropy of two heads, whose logits are the columns before `split` and from it on
 *
 * Of each head log Σ exp(xₙ) − x at the label, with the maximum taken out; one thread per row, as heads are short.
 */
export const cross_entropy = kernel(
  {
    x: input(f32, ["B", "N"]),
    first: input(i32, ["B"]),
    second: input(i32, ["B"]),
    split: scalar(i32),
    loss: output(f32, ["B", 1]),
  },
  {
    computes: "cross_entropy",
    grid: ({ B }) => [ceilDiv(B, ROWS)],
    block: [ROWS],
    // Not x: a thread has a row of its own.
    performance: { coalesced: ["first", "second"] },
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ x, first, second, split, loss }, { B, N }) => {
    requires(0 < split && split < N);
    requires(forall([B], (b) => 0 <= first[b] && first[b] < split));
    requires(forall([B], (b) => 0 <= second[b] && second[b] < N - split));
    const b = block.x * ROWS + thread.x;
    if (b >= B) return;
    let top = f32(LOWEST);
    for (let n = 0; n < split; n++) top = max(top, x[b][n]);
    let sum = f32(0);
    for (let n = 0; n < split; n++) sum += exp(x[b][n] - top);
    const firstLoss = top - x[b][first[b]] + log(sum);
    top = f32(LOWEST);
    for (let n = split; n < N; n++) top = max(top, x[b][n]);
    sum = f32(0);
    for (let n = split; n < N; n++) sum += exp(x[b][n] - top);
    loss[b][0] = firstLoss + (top - x[b][split + second[b]] + log(sum));
  },
);
