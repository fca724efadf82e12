import { block, ceilDiv, f32, inout, input, kernel, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Rotary embedding in place: each thread turns the pair of elements 2i and 2i + 1.
 *
 * Broken: the second element of the pair is taken at 2i + 2, mixed up with the layout in which a pair is two apart. Each
 * element then belongs to two threads.
 */
export const rotary_correct = kernel(
  { x: inout(f32, ["T", "2*H"]), cosine: input(f32, ["T", "H"]), sine: input(f32, ["T", "H"]) },
  { grid: ({ T, H }) => [ceilDiv(H, THREADS), T], block: [THREADS] },
  ({ x, cosine, sine }, { H }) => {
    const t = block.y;
    const h = block.x * THREADS + thread.x;
    if (h >= H) return;
    const a = x[t][2 * h];
    const b = x[t][2 * h + 1];
    x[t][2 * h] = a * cosine[t][h] - b * sine[t][h];
    x[t][2 * h + 1] = a * sine[t][h] + b * cosine[t][h];
  },
);

export const rotary_broken = kernel(
  { x: inout(f32, ["T", "2*H"]), cosine: input(f32, ["T", "H"]), sine: input(f32, ["T", "H"]) },
  { grid: ({ T, H }) => [ceilDiv(H, THREADS), T], block: [THREADS] },
  ({ x, cosine, sine }, { H }) => {
    const t = block.y;
    const h = block.x * THREADS + thread.x;
    if (h >= H - 1) return;
    const a = x[t][2 * h];
    const b = x[t][2 * h + 2];
    x[t][2 * h] = a * cosine[t][h] - b * sine[t][h];
    x[t][2 * h + 2] = a * sine[t][h] + b * cosine[t][h];
  },
);
