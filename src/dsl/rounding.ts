/** Half precision: floats that occupy two bytes in memory, and how a float becomes one. */

import { notRun } from "./not-run.ts";
import type { Element, HalfElement } from "./types.ts";

/**
 * Half precision (IEEE binary16) in memory; a float once loaded. `f16(x)` is the nearest float that an f16 holds, of two
 * equally near ones the even one, and an infinity from 65,520 on: what is stored is rounded by name.
 */
export const f16: Element<"f16"> = Object.assign((_value: number): number => notRun("f16"), {
  element: "f16" as const,
});

/**
 * Brain float, the upper half of an f32: its exponent, and 7 bits of its fraction. `bf16(x)` is the nearest float that a
 * bf16 holds, of two equally near ones the even one.
 */
export const bf16: Element<"bf16"> = Object.assign((_value: number): number => notRun("bf16"), {
  element: "bf16" as const,
});

/**
 * `x` rounded to one of the two values of the element around it: away from 0 where `random`/2³¹ is less than its share of the way there. With
 * `random` from `randomBits` the rounding is right on average, so that sums of updates that are small beside the distance
 * of two values arrive.
 */
export function stochasticRound(_element: HalfElement, _x: number, _random: number): number {
  return notRun("stochasticRound");
}

/**
 * A random integer 0 ≤ r < 2³¹ as a function of four integers: 31 bits of Philox4x32-10 under the key (seed, stream) at the
 * counter (index, step). 32 bits of the seed and of the stream count, and 64 of the others.
 */
export function randomBits(_seed: number, _stream: number, _step: number, _index: number): number {
  return notRun("randomBits");
}
