/** Assignments to locals and array elements, in the plain and the compound forms. */

import { ts } from "ts-morph";
import { load } from "../../ir/kernel/build.ts";
import type { Expr, Stmt } from "../../ir/kernel/types.ts";
import { lowerElement } from "./element.ts";
import { lowerArithmetic, lowerExpression } from "./expression.ts";
import { quote, type Scope, skipParentheses, symbolOf } from "./scope.ts";

const { SyntaxKind } = ts;

const TYPE_NAMES = { int: "an integer", f32: "a float", bool: "a boolean" } as const;
