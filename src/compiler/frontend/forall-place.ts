/** Where a `forall` stands: it is the whole condition of a `requires` or `ensures`, and everywhere else refused. */

import { ts } from "ts-morph";
import { calledName, type Scope, skipParentheses } from "./scope.ts";

/** The call of `forall` that a condition is as a whole. */
export function forallOf(node: ts.Expression, scope: Scope): ts.CallExpression | undefined {
  const inner = skipParentheses(node);
  return ts.isCallExpression(inner) && calledName(inner, scope.program) === "forall" ? inner : undefined;
}

/** Why a `forall` does not stand here, and what to write instead. */
export function refuseForall(node: ts.CallExpression, scope: Scope): undefined {
  const { reporter, clause } = scope;
  const word = clause === "ensures" ? "ensures" : "requires";
  const outer = enclosing(node, scope);
  const specification = clause === "requires" || clause === "ensures";
  if (!specification) {
    const fact = `forall stands outside of requires and ensures`;
    const fix =
      clause === "invariant"
        ? "state the invariant of the elements that the loop has reached, as in a[k]"
        : "guard each index where it is used, as in 0 <= e && e < E";
    return reporter.report("TK196", node, fact, fix);
  }
  if (outer === "forall") {
    const fix = "give one forall both extents: forall([A, B], (a, b) => …)";
    return reporter.report("TK196", node, "forall stands inside of another forall", fix);
  }
  if (outer === "and") {
    const fix = `write two ${word}: one of each side of &&`;
    return reporter.report("TK196", node, "forall is joined with another condition by &&", fix);
  }
  const fix = `write ${word}(forall([T], (t) => …)), with the whole condition inside of forall`;
  return reporter.report("TK196", node, `forall is a part of the condition of ${word}`, fix);
}

function enclosing(node: ts.CallExpression, scope: Scope): "forall" | "and" | undefined {
  let joined = false;
  for (let at: ts.Node = node.parent; !ts.isStatement(at) && !ts.isSourceFile(at); at = at.parent) {
    if (ts.isCallExpression(at) && calledName(at, scope.program) === "forall") return "forall";
    if (ts.isBinaryExpression(at)) joined = at.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken;
  }
  return joined ? "and" : undefined;
}
