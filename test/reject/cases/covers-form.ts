import { ceilDiv, covers, i32, kernel, output, thread } from "tokitai/dsl";

export const coversForm = kernel(
  { out: output(i32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ out }) => {
    covers(out, (t) => ({}));
    covers(out, (t) => ({ thread: t }));
    covers(out, (t) => ({ thread: [] }));
    covers(out, (t) => ({ thread: [t, 0, 0, 0] }));
    covers(out, (t) => [t]);
    covers(out, (t) => { return { thread: [t] }; });
    covers(out, (t) => ({ ...t }));
    covers(out, (t) => ({ thread }));
    covers(out, (t) => ({ "k-k": t }));
  },
);
