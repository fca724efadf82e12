/**
 * Names of the kernel language that are reserved: the editor knows them, the compiler refuses each by name.
 */

import { notRun } from "./not-run.ts";

/** Operations among the lanes of a wave that are reserved; `wave.barrier` is compiled. */
export interface WaveReductions {
  /** Reserved. */
  sum(value: number): number;
  /** Reserved. */
  max(value: number): number;
  /** Reserved. */
  shuffleXor(value: number, mask: number): number;
  /** Reserved. */
  ballot(condition: boolean): number;
}

export const waveReductions: WaveReductions = {
  sum: (_value) => notRun("wave.sum"),
  max: (_value) => notRun("wave.max"),
  shuffleXor: (_value, _mask) => notRun("wave.shuffleXor"),
  ballot: (_condition) => notRun("wave.ballot"),
};

/** Several floats as one value. Reserved. */
export interface Vector<Lanes extends number> {
  readonly lanes: Lanes;
}

/** A vector of two floats. Reserved. */
export function f32x2(_a: number, _b: number): Vector<2> {
  return notRun("f32x2");
}

/** A vector of four floats. Reserved. */
export function f32x4(_a: number, _b: number, _c: number, _d: number): Vector<4> {
  return notRun("f32x4");
}
