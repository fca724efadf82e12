import { block, ceilDiv, f32, i32, input, kernel, mod, output, scalar, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * Reads a window out of a ring buffer, such as a sliding cache of keys, from `head` on.
 *
 * Broken: the wrap-around subtracts the length once, which is right only for a head inside the buffer. A head that is
 * counted up forever, or is −1 for an empty cache, reads outside.
 */
export const ring_buffer_correct = kernel(
  { cache: input(f32, ["N"]), head: scalar(i32), window: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ cache, head, window }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N) window[i] = cache[mod(head + i, N)];
  },
);

export const ring_buffer_broken = kernel(
  { cache: input(f32, ["N"]), head: scalar(i32), window: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ cache, head, window }, { N }) => {
    const i = block.x * THREADS + thread.x;
    const at = head + i;
    if (i < N) window[i] = cache[at < N ? at : at - N];
  },
);
