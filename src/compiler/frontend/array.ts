/** `const tile = shared(f32, [16, 17])`: arrays of constant size in shared memory or registers. */

import { ts } from "ts-morph";
import { isElementType, isFloat } from "../../ir/kernel/elements.ts";
import type { LocalArray } from "../../ir/kernel/types.ts";
import { lowerExpression } from "./expression.ts";
import { elementName, quote, type Scope } from "./scope.ts";

/** Reports TK148 for a wrong place or form, TK149 for a size that is no positive constant, TK115 for the element. */
export function lowerArrayDeclaration(
  space: LocalArray["space"],
  name: ts.Identifier,
  call: ts.CallExpression,
  top: boolean,
  scope: Scope,
): LocalArray | undefined {
  const { reporter } = scope;
  const word = space === "shared" ? "shared" : "registers";
  if (!top) {
    const fix = `declare ${name.text} at the top of the kernel's body, before any return`;
    return reporter.report("TK148", call, `${name.text} is declared in a nested block`, fix);
  }
  const [type, shape] = call.arguments;
  if (type === undefined || shape === undefined || !ts.isArrayLiteralExpression(shape)) {
    return reporter.report("TK148", call, `${quote(call)} has no type and sizes`, `write ${word}(f32, [16, 16])`);
  }
  const element = elementName(type, scope);
  const sizes = shape.elements.map((size) => {
    const value = lowerExpression(size, scope);
    if (value === undefined || (value.kind === "int" && value.value > 0n)) return value;
    const fix = "use integer constants from 1, module constants or params";
    return reporter.report("TK149", size, `${quote(size)} is not a positive constant`, fix);
  });
  if (element === undefined || !isLocalElement(element)) {
    const fact = `${quote(type)} cannot be the element of a ${word === "shared" ? "shared" : "register"} array`;
    return reporter.report("TK115", type, fact, "use f32, f16, bf16 or i32");
  }
  if (sizes.length === 0) {
    return reporter.report("TK149", shape, `${name.text} has no axes`, `write ${word}(f32, [16])`);
  }
  const extents = sizes.flatMap((size) => (size?.kind === "int" ? [size.value] : []));
  if (extents.length < sizes.length) return undefined;
  return { space, name: scope.names.take(name.text), element, shape: extents, span: reporter.spanOf(name.parent) };
}

function isLocalElement(name: string): name is LocalArray["element"] {
  return isElementType(name) && (isFloat(name) || name === "i32");
}
