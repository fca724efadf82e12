import { ceilDiv, covers, i32, kernel, output, thread } from "tokitai/dsl";

export const coversVariables = kernel(
  { out: output(i32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ out }, { T }) => {
    covers(out, () => ({ thread: [0] }));
    covers(out, (t, u) => ({ thread: [t + u] }));
    covers(out, (T) => ({ thread: [T] }));
    covers(out, ({ t }) => ({ thread: [t] }));
    covers(out, (t, t2 = 0) => ({ thread: [t] }));
  },
);
