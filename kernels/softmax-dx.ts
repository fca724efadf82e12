import { barrier, block, div, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/** dx = p·(dp − Σ p·dp) over each row, with p the softmax's result; one block per row */
export const softmax_dx = kernel(
  { p: input(f32, ["B", "N"]), dp: input(f32, ["B", "N"]), dx: output(f32, ["B", "N"]) },
  {
    computes: "softmax_dx",
    grid: ({ B }) => [B],
    block: [THREADS],
    performance: { coalesced: ["p", "dp", "dx"], conflictFree: ["partial"] },
    budget: { vgprs: 40, lds: 256, scratch: 0 },
  },
  ({ p, dp, dx }, { N }) => {
    const partial = shared(f32, [THREADS]);
    const b = block.x;
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += p[b][n] * dp[b][n];
    partial[thread.x] = sum;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    const mean = partial[0];
    for (let n = thread.x; n < N; n += THREADS) dx[b][n] = p[b][n] * (dp[b][n] - mean);
  },
);
