import { f32, inout, input, kernel, max, min, output, requires, scalar, sqrt } from "tokitai/dsl";

/** The largest finite f32. */
const LARGEST = 3.4028234663852886e38;
const LARGEST_SCALE = 16777216.0;

/**
 * Dynamic loss scaling (Micikevicius et al., "Mixed Precision Training", 2018, section 3.2), with clipping by the norm
 *
 * state = (S, n): the loss is scaled by S, and n steps have passed since S changed. `squares` is the sum of the squares of
 * the gradients of the scaled loss. Where it is finite, `scale` is min(1, max_norm/(√squares/S))/S, and S is doubled every
 * `interval` steps, up to 2²⁴; where it is not, `scale` is 0, by which the step is left out, and S is halved, down to 1.
 */
export const loss_scale = kernel(
  {
    squares: input(f32, [1]),
    state: inout(f32, [2]),
    scale: output(f32, [1]),
    max_norm: scalar(f32),
    interval: scalar(f32),
  },
  { computes: "loss_scale", grid: () => [1], block: [1], budget: { vgprs: 8, lds: 0, scratch: 0 } },
  ({ squares, state, scale, max_norm, interval }) => {
    requires(max_norm > 0.0);
    requires(interval >= 1.0);
    const s = state[0];
    if (squares[0] <= LARGEST) {
      const norm = sqrt(squares[0]) / s;
      scale[0] = (norm <= max_norm ? 1.0 : max_norm / norm) / s;
      const passed = state[1] + 1.0;
      state[0] = interval <= passed ? min(2.0 * s, LARGEST_SCALE) : s;
      state[1] = interval <= passed ? 0.0 : passed;
    } else {
      scale[0] = 0.0;
      state[0] = max(0.5 * s, 1.0);
      state[1] = 0.0;
    }
  },
);
