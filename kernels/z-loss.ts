import { block, ceilDiv, exp, f32, input, kernel, log, max, output, scalar, thread } from "tokitai/dsl";
import { LOWEST } from "./math.ts";

const ROWS = 64;

/** loss[b] = beta·(log Σ exp(xₙ))²: what keeps a router's logits small (Zoph et al., 2022, equation 5) */
export const z_loss = kernel(
  { x: input(f32, ["B", "N"]), beta: scalar(f32), loss: output(f32, ["B", 1]) },
  { computes: "z_loss", grid: ({ B }) => [ceilDiv(B, ROWS)], block: [ROWS], budget: { vgprs: 16, lds: 0, scratch: 0 } },
  ({ x, beta, loss }, { B, N }) => {
    const b = block.x * ROWS + thread.x;
    if (b >= B) return;
    let top = f32(LOWEST);
    for (let n = 0; n < N; n++) top = max(top, x[b][n]);
    let sum = f32(0);
    for (let n = 0; n < N; n++) sum += exp(x[b][n] - top);
    const size = top + log(sum);
    loss[b][0] = beta * (size * size);
  },
);
