import { block, ceilDiv, f32, i32, input, kernel, output, thread } from "tokitai/dsl";

const ROWS = 16;
const COLUMNS = 16;

/**
 * dp[b,e] = Σ dgates[b,s] over the choices s of row b that are expert e, which is one or none: exactly 0 where none is
 *
 * One thread per row and expert looks through the row's choices.
 */
export const top_k_gates_dp = kernel(
  { dgates: input(f32, ["B", "K"]), ids: input(i32, ["T"]), dp: output(f32, ["B", "E"]) },
  {
    computes: "top_k_gates_dp",
    where: { T: ({ B, K }) => B * K },
    grid: ({ B, E }) => [ceilDiv(B, ROWS), ceilDiv(E, COLUMNS)],
    block: [COLUMNS, ROWS],
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ dgates, ids, dp }, { B, E, K }) => {
    const b = block.x * ROWS + thread.y;
    const e = block.y * COLUMNS + thread.x;
    if (b >= B || e >= E) return;
    let sum = f32(0);
    for (let s = 0; s < K; s++) {
      if (ids[b * K + s] === e) sum += dgates[b][s];
    }
    dp[b][e] = sum;
  },
);
