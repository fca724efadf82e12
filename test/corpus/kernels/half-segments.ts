import { block, div, f32, input, kernel, loadVector, mod, output, registers, storeVector, thread } from "tokitai/dsl";

/**
 * Twice a matrix, of which a wave takes vectors of four from several rows.
 *
 * Broken: two threads have a row's eight columns, which is half of what memory moves at once.
 */
export const half_segments_correct = kernel(
  { x: input(f32, ["M", 16]), y: output(f32, ["M", 16]) },
  { grid: ({ M }) => [div(M + 15, 16)], block: [64], performance: { segments: ["x"] } },
  ({ x, y }, { M }) => {
    const four = registers(f32, [4]);
    const m = block.x * 16 + div(thread.x, 4);
    const n = 4 * mod(thread.x, 4);
    if (m < M) {
      loadVector(four, x[m][n]);
      for (let v = 0; v < 4; v++) four[v] = 2.0 * four[v];
      storeVector(y[m][n], four);
    }
  },
);

export const half_segments_broken = kernel(
  { x: input(f32, ["M", 16]), y: output(f32, ["M", 16]) },
  { grid: ({ M }) => [div(M + 31, 32), 2], block: [64], performance: { segments: ["x"] } },
  ({ x, y }, { M }) => {
    const four = registers(f32, [4]);
    const m = block.x * 32 + div(thread.x, 2);
    const n = 8 * block.y + 4 * mod(thread.x, 2);
    if (m < M) {
      loadVector(four, x[m][n]);
      for (let v = 0; v < 4; v++) four[v] = 2.0 * four[v];
      storeVector(y[m][n], four);
    }
  },
);
