import { barrier, block, div, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 32;
const ELEMENTS = 64;

/**
 * Blelloch's exclusive scan: partial sums up a tree, then down again.
 *
 * Broken: no barrier after the root has been cleared. The first round of the way down exchanges the root with its left
 * child: if it comes first, the whole row is off by its total.
 */
export const two_sweeps_correct = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const tree = shared(f32, [ELEMENTS]);
    const t = thread.x;
    tree[2 * t] = x[block.x][2 * t];
    tree[2 * t + 1] = x[block.x][2 * t + 1];
    barrier();
    for (let s = 1; s < ELEMENTS; s *= 2) {
      if ((t + 1) * 2 * s <= ELEMENTS) tree[(t + 1) * 2 * s - 1] += tree[(t + 1) * 2 * s - 1 - s];
      barrier();
    }
    if (t === THREADS - 1) tree[ELEMENTS - 1] = f32(0);
    barrier();
    for (let s = div(ELEMENTS, 2); s > 0; s = div(s, 2)) {
      if ((t + 1) * 2 * s <= ELEMENTS) {
        const left = tree[(t + 1) * 2 * s - 1 - s];
        tree[(t + 1) * 2 * s - 1 - s] = tree[(t + 1) * 2 * s - 1];
        tree[(t + 1) * 2 * s - 1] += left;
      }
      barrier();
    }
    y[block.x][2 * t] = tree[2 * t];
    y[block.x][2 * t + 1] = tree[2 * t + 1];
  },
);

export const two_sweeps_broken = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const tree = shared(f32, [ELEMENTS]);
    const t = thread.x;
    tree[2 * t] = x[block.x][2 * t];
    tree[2 * t + 1] = x[block.x][2 * t + 1];
    barrier();
    for (let s = 1; s < ELEMENTS; s *= 2) {
      if ((t + 1) * 2 * s <= ELEMENTS) tree[(t + 1) * 2 * s - 1] += tree[(t + 1) * 2 * s - 1 - s];
      barrier();
    }
    if (t === THREADS - 1) tree[ELEMENTS - 1] = f32(0);
    for (let s = div(ELEMENTS, 2); s > 0; s = div(s, 2)) {
      if ((t + 1) * 2 * s <= ELEMENTS) {
        const left = tree[(t + 1) * 2 * s - 1 - s];
        tree[(t + 1) * 2 * s - 1 - s] = tree[(t + 1) * 2 * s - 1];
        tree[(t + 1) * 2 * s - 1] += left;
      }
      barrier();
    }
    y[block.x][2 * t] = tree[2 * t];
    y[block.x][2 * t + 1] = tree[2 * t + 1];
  },
);
