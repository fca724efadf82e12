import { block, ceilDiv, f32, forall, i32, inout, input, kernel, requires, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Sends at least two tokens to places of their own.
 *
 * Broken: "any two places differ" is written with < instead of !==. For two tokens that asks for each place to be before
 * the other: no data meets it, every launch is refused, and until then everything is "proved" of the kernel.
 */
export const distinct_places_correct = kernel(
  { x: input(f32, ["T"]), place: input(i32, ["T"]), y: inout(f32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ x, place, y }, { T }) => {
    requires(T >= 2);
    requires(forall([T], (t) => 0 <= place[t] && place[t] < T));
    requires(forall([T, T], (s, t) => s === t || place[s] !== place[t]));
    const t = block.x * THREADS + thread.x;
    if (t < T) y[place[t]] = x[t];
  },
);

export const distinct_places_broken = kernel(
  { x: input(f32, ["T"]), place: input(i32, ["T"]), y: inout(f32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ x, place, y }, { T }) => {
    requires(T >= 2);
    requires(forall([T], (t) => 0 <= place[t] && place[t] < T));
    requires(forall([T, T], (s, t) => s === t || place[s] < place[t]));
    const t = block.x * THREADS + thread.x;
    if (t < T) y[place[t]] = x[t];
  },
);
