import { f32, input, kernel, output, requires, scalar, sqrt } from "tokitai/dsl";

/** scale[0] = min(1, max_norm/√squares[0]): what gradients are multiplied by so that their norm is at most max_norm */
export const clip_scale = kernel(
  { squares: input(f32, [1]), max_norm: scalar(f32), scale: output(f32, [1]) },
  { computes: "clip_scale", grid: () => [1], block: [1], budget: { vgprs: 8, lds: 0, scratch: 0 } },
  ({ squares, max_norm, scale }) => {
    requires(max_norm > 0.0);
    const norm = sqrt(squares[0]);
    // A norm of 0 is not divided by.
    scale[0] = norm > max_norm ? max_norm / norm : f32(1);
  },
);
