/** Which expressions have a value that a half format holds, so that storing it rounds nothing that the kernel does not say. */

import { HALF_ELEMENTS, roundToNearest } from "../../support/half-formats.ts";
import { InternalError } from "../../support/result.ts";
import { type ElementType, type HalfElement, isHalfElement } from "./elements.ts";
import type { Expr } from "./expr.ts";

export interface HalfContext {
  /** The formats that hold the value which an immutable local was declared with. */
  readonly local: (name: string) => readonly HalfElement[];
  /** The element type of an array. */
  readonly element: (array: string) => ElementType | undefined;
}

/**
 * The formats that hold the value: of what is rounded, read from an array of halves or written as a number, and of choices
 * among such values.
 */
export function formatsHolding(context: HalfContext, expr: Expr): readonly HalfElement[] {
  switch (expr.kind) {
    case "round":
      return [expr.to];
    case "load": {
      const element = context.element(expr.array.name);
      return element !== undefined && isHalfElement(element) ? [element] : [];
    }
    case "local":
      return context.local(expr.name);
    case "float":
      return HALF_ELEMENTS.filter((element) => {
        const value = Math.fround(expr.value);
        return roundToNearest(element, value) === value;
      });
    case "neg":
      return expr.type === "f32" ? formatsHolding(context, expr.value) : [];
    case "select": {
      const otherwise = formatsHolding(context, expr.else);
      return formatsHolding(context, expr.then).filter((element) => otherwise.includes(element));
    }
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
      return [];
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}
