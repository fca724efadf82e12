import { tanh } from "tokitai/dsl";
import { geluErf, geluErfSlope, geluTanh, geluTanhSlope, tanhArgument } from "./math.ts";

/** What a family of kernels ends with: nothing more, the GELU of erf, or its approximation by tanh. */
export const NOTHING = 0;
export const OF_ERF = 1;
export const OF_TANH = 2;
export const activate = (x: number, GELU: number) =>
  GELU === NOTHING ? x : GELU === OF_ERF ? geluErf(x) : geluTanh(x);

/** The slope of the GELU at x, from t = slopeArgument(x): from x/√2, or from a tanh. */
export const slope = (x: number, t: number, GELU: number) => (GELU === OF_ERF ? geluErfSlope(t) : geluTanhSlope(x, t));
export const slopeArgument = (x: number, GELU: number) =>
  GELU === OF_ERF ? x * 0.7071067811865476 : tanh(tanhArgument(x));
