/**
 * Trials: what the float inputs hold when numbers are to show a difference.
 *
 * A trial gives each tensor a filling by its name and position. All are finite but those of `infinite`.
 */

import type { Filling } from "../replay-record.ts";

export type Trial = (name: string, position: number) => Filling;

const SEEDS = 24;
/** Beyond this many columns not each one gets a spike of its own. */
const MAX_SPIKES = 130;
/** exp of it is beyond f32 and float64, its cube is not. */
const LARGE = 10_000;

const noise = (seed: number, span: number, step: number): Filling => ({ kind: "noise", seed, span, step });

/** Small numbers: varied, with ties and zeros, positive. */
export const SMALL: readonly Trial[] = [
  (_name, position) => noise(position + 1, 12, 0.25),
  (_name, position) => noise(position + 101, 1, 1),
  (_name, position) => ({ kind: "ripple", sign: 1, stride: 3 + 2 * position, modulus: 7 }),
  (_name, position) => noise(position + 201, 1000, 0.01),
  () => ({ kind: "constant", value: 1 }),
  (_name, position) => noise(position + 301, 400, 0.25),
  ...Array.from({ length: SEEDS }, (_, seed): Trial => {
    return (_name, position) => noise(1_000 + 100 * seed + position, seed % 2 === 0 ? 2 : 40, 0.5);
  }),
];

/**
 * One column that sticks out of the others, in the first tensor: far above them, and above large negative numbers. The
 * other tensors hold small numbers.
 */
export function spikes(columns: number): readonly Trial[] {
  const step = Math.ceil(columns / MAX_SPIKES);
  const spike = (column: number, high: number, low: number): Trial => {
    return (_name, position) =>
      position === 0 ? { kind: "column", column, value: high, otherwise: low } : noise(position + 501, 4, 0.5);
  };
  const found: Trial[] = [];
  for (let column = 0; column < columns; column += step) {
    found.push(spike(column, LARGE, -LARGE), spike(column, -LARGE, -2 * LARGE));
  }
  return found;
}

/** Nothing but zeros, and large numbers of one sign in one tensor at a time, beside small ones. */
export function large(tensors: readonly string[]): readonly Trial[] {
  const one = (chosen: string, value: number): Trial => {
    return (name, position) => (name === chosen ? { kind: "constant", value } : noise(position + 601, 4, 0.5));
  };
  return [
    () => ({ kind: "constant", value: 0 }),
    ...tensors.flatMap((chosen) => [one(chosen, LARGE), one(chosen, -LARGE)]),
  ];
}

/** Infinity in one tensor at a time, beside zeros or small numbers: what is skipped must not be multiplied by 0. */
export function infinite(tensors: readonly string[]): readonly Trial[] {
  const infinity: Filling = { kind: "constant", value: Number.POSITIVE_INFINITY };
  return tensors.flatMap((chosen): readonly Trial[] => [
    (name) => (name === chosen ? infinity : { kind: "constant", value: 0 }),
    (name, position) => (name === chosen ? infinity : noise(position + 401, 1, 1)),
  ]);
}
