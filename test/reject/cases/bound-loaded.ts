import { i32, inout, kernel } from "tokitai/dsl";

export const boundLoaded = kernel(
  { count: inout(i32, ["M"]) },
  { grid: () => [1], block: [1] },
  ({ count }) => {
    for (let k = 0; k < count[0]; k++) count[0] = k;
  },
);
