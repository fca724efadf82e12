import { geluErf, geluTanh } from "../math.ts";

/** What a family of kernels ends with: nothing more, the GELU of erf, or its approximation by tanh. */
export const NOTHING = 0;
export const OF_ERF = 1;
export const OF_TANH = 2;
export const activate = (x: number, GELU: number) =>
  GELU === NOTHING ? x : GELU === OF_ERF ? geluErf(x) : geluTanh(x);
