/** Which expressions have a value that f16 holds, so that storing it rounds nothing that the kernel does not say. */

import { roundToHalf } from "../../support/float16.ts";
import { InternalError } from "../../support/result.ts";
import type { ElementType } from "./elements.ts";
import type { Expr } from "./expr.ts";

export interface HalfContext {
  /** Whether the local is immutable and was declared with such a value. */
  readonly local: (name: string) => boolean;
  /** The element type of an array. */
  readonly element: (array: string) => ElementType | undefined;
}

/** What is rounded, read from an f16 array or written as a number of f16, and choices among such values. */
export function isHalf(context: HalfContext, expr: Expr): boolean {
  switch (expr.kind) {
    case "round":
      return expr.to === "f16";
    case "load":
      return context.element(expr.array.name) === "f16";
    case "local":
      return context.local(expr.name);
    case "float":
      return roundToHalf(Math.fround(expr.value)) === Math.fround(expr.value);
    case "neg":
      return expr.type === "f32" && isHalf(context, expr.value);
    case "select":
      return isHalf(context, expr.then) && isHalf(context, expr.else);
    case "int":
    case "bool":
    case "dim":
    case "scalar":
    case "index":
    case "not":
    case "int-op":
    case "float-op":
    case "compare":
    case "logic":
    case "call":
    case "cast":
    case "random":
    case "ghost":
      return false;
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}
