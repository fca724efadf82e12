import {
  barrier,
  block,
  ceilDiv,
  div,
  f16,
  f32,
  fragment,
  input,
  kernel,
  loadFragment,
  matrix,
  mma,
  mod,
  output,
  shared,
  thread,
} from "tokitai/dsl";

/**
 * A product of one tile, whose rows the lanes of a wave read 16 bytes at a time.
 *
 * Broken: the rows are not padded, so that of the eight lanes that are served together every fourth asks for one bank.
 */
export const fragment_banks_correct = kernel(
  { x: input(f16, ["B", 16]), w: input(f16, [16, 16]), y: output(f32, ["B", 16]) },
  {
    matrix: ["gfx11"],
    grid: ({ B }) => [ceilDiv(B, 16)],
    block: [32],
    performance: { conflictFree: ["xs"] },
  },
  ({ x, w, y }, { B }) => {
    const xs = shared(f16, [16, 24]);
    const ws = shared(f16, [16, 16]);
    const a = fragment("a", f16);
    const b = fragment("b", f16);
    const sums = fragment("accumulator", f32);
    for (let i = thread.x; i < 256; i += 32) {
      const r = div(i, 16);
      const c = mod(i, 16);
      xs[r][c] = block.x * 16 + r < B ? x[block.x * 16 + r][c] : f16(0.0);
      ws[r][c] = w[r][c];
    }
    barrier();
    for (let e = 0; e < matrix.elements; e++) sums[e] = 0.0;
    loadFragment(a, xs[0][0]);
    loadFragment(b, ws[0][0]);
    mma(sums, a, b);
    for (let e = 0; e < matrix.elements; e++) {
      const m = block.x * 16 + matrix.row(e);
      if (m < B) y[m][matrix.column] = sums[e];
    }
  },
);

export const fragment_banks_broken = kernel(
  { x: input(f16, ["B", 16]), w: input(f16, [16, 16]), y: output(f32, ["B", 16]) },
  {
    matrix: ["gfx11"],
    grid: ({ B }) => [ceilDiv(B, 16)],
    block: [32],
    performance: { conflictFree: ["xs"] },
  },
  ({ x, w, y }, { B }) => {
    const xs = shared(f16, [16, 16]);
    const ws = shared(f16, [16, 16]);
    const a = fragment("a", f16);
    const b = fragment("b", f16);
    const sums = fragment("accumulator", f32);
    for (let i = thread.x; i < 256; i += 32) {
      const r = div(i, 16);
      const c = mod(i, 16);
      xs[r][c] = block.x * 16 + r < B ? x[block.x * 16 + r][c] : f16(0.0);
      ws[r][c] = w[r][c];
    }
    barrier();
    for (let e = 0; e < matrix.elements; e++) sums[e] = 0.0;
    loadFragment(a, xs[0][0]);
    loadFragment(b, ws[0][0]);
    mma(sums, a, b);
    for (let e = 0; e < matrix.elements; e++) {
      const m = block.x * 16 + matrix.row(e);
      if (m < B) y[m][matrix.column] = sums[e];
    }
  },
);
