/**
 * Shape: the declared shapes of a kernel's parameters are those of the tensor operation that it claims to compute.
 *
 * Parameters match the operation's by position, inputs before outputs; `inout` counts as both. The operation's dimension
 * names are bound by their first occurrence; at each later one the kernel's extents must be equal, for all sizes that its
 * contract allows. A kernel that claims nothing owes nothing here, and the report says `function not claimed`.
 */

import type { Kernel } from "../../ir/kernel/types.ts";
import { ATTRIBUTE_ELEMENT, acceptsElement, type OperationSignature } from "../../ir/tensor/claim-signature.ts";
import { isOperationClaim, OPERATION_SIGNATURES } from "../../ir/tensor/claims.ts";
import { foldDim, nameOfDim } from "../../ir/tensor/dim.ts";
import { InternalError } from "../../support/result.ts";
import { type Claim, type GiveId, NO_REPLAY } from "../claim.ts";
import { claimedTensors, isSized } from "../equivalence/signature.ts";
import type { Summary } from "../summary.ts";
import { add, and, compareTerms, eq, FALSE, not, numeral, numeralValue, scale, sub, type Term } from "../term.ts";
import { launchAssumptions } from "./assumptions.ts";

export function shapeClaims(kernel: Kernel, summary: Summary, giveId: GiveId): readonly Claim[] {
  if (kernel.computes === undefined) return [];
  if (!isOperationClaim(kernel.computes)) {
    const known = Object.keys(OPERATION_SIGNATURES).join(", ");
    return [
      shapeClaim(
        kernel,
        summary,
        giveId,
        "computes",
        `${kernel.computes} is an operation`,
        FALSE,
        `name one of ${known}`,
      ),
    ];
  }
  const signature: OperationSignature = OPERATION_SIGNATURES[kernel.computes];
  const { inputs, outputs } = claimedTensors(kernel);
  const actual = [...inputs, ...outputs];
  const expected = [...signature.inputs, ...signature.outputs];
  const bound = new Map<string, Term>();
  const terms = {
    integer: (value: number): Term => numeral(BigInt(value)),
    named: (name: string): Term => {
      const extent = bound.get(name);
      if (extent === undefined) throw new InternalError(`${kernel.computes}: nothing has the size ${name} alone`);
      return extent;
    },
    add: (a: Term, b: Term): Term => add(a, b),
    multiply: (a: Term, b: Term): Term => scale(numeralValue(a) ?? 1n, b),
  };
  const claims = expected.map((tensor, position) => {
    const param = actual[position];
    const declared = param === undefined ? undefined : summary.extents.get(param.name);
    const formal = `${tensor.name}[${tensor.shape.join(", ")}]`;
    const statement = `${param?.name ?? "a missing parameter"} has the shape of ${formal} in ${kernel.computes}`;
    const fix = `declare the shapes of ${kernel.computes}: ${expected.map(({ name, shape }) => `${name}[${shape.join(", ")}]`).join(", ")}`;
    const name = param?.name ?? tensor.name;
    if (param !== undefined && !acceptsElement(tensor.element, param.element)) {
      const [held, declare] =
        tensor.element === "float" ? ["floats", "f32, f16 or bf16"] : [tensor.element, tensor.element];
      const elements = `${param.name} holds ${held}, as ${tensor.name} in ${kernel.computes}`;
      return shapeClaim(kernel, summary, giveId, name, elements, FALSE, `declare it as ${declare}`);
    }
    if (declared === undefined || declared.length !== tensor.shape.length) {
      return shapeClaim(kernel, summary, giveId, name, statement, FALSE, fix);
    }
    const goal = tensor.shape.map((dim, axis): Term => {
      const extent = declared[axis] ?? "0";
      const name = nameOfDim(dim);
      if (name !== undefined && !bound.has(name)) {
        // Its first occurrence may be in `E+1`, which is at least 1.
        const least = foldDim(dim, { ...terms, named: () => numeral(0n) });
        bound.set(name, sub(extent, least));
        return and(compareTerms("le", least, extent), eq(extent, foldDim(dim, terms)));
      }
      return eq(extent, foldDim(dim, terms));
    });
    return shapeClaim(kernel, summary, giveId, name, statement, and(...goal), fix);
  });
  const scalars = kernel.params.filter((param) => param.kind === "scalar");
  const taken = signature.attributes.filter((name) => !isSized(signature, name));
  const attributes = scalars.every(({ name, element }) =>
    taken.some((attribute) => attribute === name && ATTRIBUTE_ELEMENT[attribute] === element),
  );
  const complete = actual.length === expected.length && attributes;
  const list = taken.map((name) => `${name}: ${ATTRIBUTE_ELEMENT[name]}`).join(", ") || "none";
  return [
    ...claims,
    shapeClaim(
      kernel,
      summary,
      giveId,
      "parameters",
      `the parameters are those of ${kernel.computes}`,
      complete ? "true" : FALSE,
      `take ${expected.length} tensors in the order of ${kernel.computes}; its scalars are ${list}`,
    ),
  ];
}

function shapeClaim(
  kernel: Kernel,
  summary: Summary,
  giveId: GiveId,
  name: string,
  statement: string,
  goal: Term,
  fix: string,
): Claim {
  const param = kernel.params.find((candidate) => candidate.name === name);
  return {
    id: giveId("shape", name),
    kind: "shape",
    span: param?.span ?? kernel.span,
    statement,
    failure: `not for all sizes: ${statement}`,
    code: "TK310",
    hypotheses: [...launchAssumptions(summary), not(goal)],
    replay: NO_REPLAY,
    fix,
  };
}
