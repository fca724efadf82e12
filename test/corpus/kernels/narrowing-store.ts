import { block, ceilDiv, i32, i64, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * Byte offsets of token rows, for a kernel that addresses raw memory.
 *
 * Broken: the offsets are kept in i32. They are right up to 2 GiB; beyond, the stored value is cut to its lower half and
 * points to before the buffer.
 */
export const byte_offsets_correct = kernel(
  { rows: input(i32, ["T"]), bytes: output(i64, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ rows, bytes }, { T }) => {
    const t = block.x * THREADS + thread.x;
    if (t < T) bytes[t] = rows[t] * 8192;
  },
);

export const byte_offsets_broken = kernel(
  { rows: input(i32, ["T"]), bytes: output(i32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ rows, bytes }, { T }) => {
    const t = block.x * THREADS + thread.x;
    if (t < T) bytes[t] = rows[t] * 8192;
  },
);
