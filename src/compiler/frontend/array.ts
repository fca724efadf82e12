/**
 * `const tile = shared(f32, [16, 17])`: arrays of constant size in shared memory or registers, and
 * `const a = fragment("a", f16, [2])`: register arrays whose rows are a lane's parts of fragments.
 */

import { ts } from "ts-morph";
import { isElementType, isFloat } from "../../ir/kernel/elements.ts";
import type { LocalArray } from "../../ir/kernel/types.ts";
import { lowerExpression } from "./expression.ts";
import { checkFragment, fragmentShape, readFragment } from "./matrix.ts";
import { elementName, quote, type Scope } from "./scope.ts";

const ARRAY_WORDS = { shared: "shared", registers: "register", fragment: "register" } as const;
export type ArrayWord = keyof typeof ARRAY_WORDS;

export function isArrayWord(name: string | undefined): name is ArrayWord {
  return name !== undefined && Object.hasOwn(ARRAY_WORDS, name);
}

/** Reports TK148 for a wrong place or form, TK149 for a size that is no positive constant, TK115 for the element. */
export function lowerArrayDeclaration(
  word: ArrayWord,
  name: ts.Identifier,
  call: ts.CallExpression,
  top: boolean,
  scope: Scope,
): LocalArray | undefined {
  const { reporter } = scope;
  const space = ARRAY_WORDS[word];
  if (!top) {
    const fix = `declare ${name.text} at the top of the kernel's body, before any return`;
    return reporter.report("TK148", call, `${name.text} is declared in a nested block`, fix);
  }
  const fragment = word === "fragment" ? readFragment(call, scope) : undefined;
  if (word === "fragment" && fragment === undefined) return undefined;
  const [type, shape] = call.arguments.slice(fragment === undefined ? 0 : 1);
  const counted = shape === undefined && fragment !== undefined;
  if (type === undefined || (!counted && (shape === undefined || !ts.isArrayLiteralExpression(shape)))) {
    const form = fragment === undefined ? `${word}(f32, [16, 16])` : 'fragment("a", f16, [2])';
    return reporter.report("TK148", call, `${quote(call)} has no type and sizes`, `write ${form}`);
  }
  const element = elementName(type, scope);
  const listed = shape !== undefined && ts.isArrayLiteralExpression(shape) ? shape.elements : [];
  const sizes = listed.map((size) => {
    const value = lowerExpression(size, scope);
    if (value === undefined || (value.kind === "int" && value.value > 0n)) return value;
    const fix = "use integer constants from 1, module constants or params";
    return reporter.report("TK149", size, `${quote(size)} is not a positive constant`, fix);
  });
  if (element === undefined || !isLocalElement(element)) {
    const fact = `${quote(type)} cannot be the element of a ${space} array`;
    return reporter.report("TK115", type, fact, "use f32, f16, bf16 or i32");
  }
  if (sizes.length === 0 && fragment === undefined) {
    return reporter.report("TK149", shape ?? call, `${name.text} has no axes`, `write ${word}(f32, [16])`);
  }
  const extents = sizes.flatMap((size) => (size?.kind === "int" ? [size.value] : []));
  if (extents.length < sizes.length) return undefined;
  const array: LocalArray = {
    space,
    name: scope.names.take(name.text),
    element,
    shape: fragment === undefined ? extents : fragmentShape(extents, fragment),
    ...(fragment !== undefined && { fragment: fragment.role }),
    span: reporter.spanOf(name.parent),
  };
  return checkFragment(array, call, scope) ? array : undefined;
}

function isLocalElement(name: string): name is LocalArray["element"] {
  return isElementType(name) && (isFloat(name) || name === "i32");
}
