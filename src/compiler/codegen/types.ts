/** `<name>.d.ts`: the arguments of a library's kernels and programs as TypeScript types. */

import type { ElementType } from "../../ir/kernel/elements.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import { formatShape } from "./contract-comment.ts";
import { checkLibrary, type GeneratedFile, type LibrarySpec } from "./library.ts";

const ARRAY_TYPE: Readonly<Record<ElementType, string>> = {
  f32: "Float32Array",
  f16: "Uint16Array",
  bf16: "Uint16Array",
  i32: "Int32Array",
  u32: "Uint32Array",
  i64: "BigInt64Array",
};

/** Integers beyond 2^53 are passed as `bigint`. */
const SCALAR_TYPE = { f32: "number", i32: "number", i64: "number | bigint" } as const;

interface Member {
  readonly name: string;
  readonly type: string;
  readonly doc: string;
}

export function emitTypes(spec: LibrarySpec): GeneratedFile {
  checkLibrary(spec);
  const kernels = spec.kernels.map(({ kernel }) => ({
    name: kernel.name,
    doc: kernel.doc,
    members: [
      ...kernel.params.map((param): Member => {
        if (param.kind === "scalar")
          return { name: param.name, type: SCALAR_TYPE[param.element], doc: `scalar ${param.element}` };
        return tensorMember(param.name, param.role, param.element, param.shape);
      }),
      ...kernel.dims.map(dimMember),
    ],
  }));
  const programs = spec.plans.map((plan) => ({
    name: plan.name,
    doc: `${plan.launches.length} launches`,
    members: [
      ...plan.params.map(({ name, role, element, shape }) => tensorMember(name, role, element, shape)),
      ...plan.dims.map(dimMember),
    ],
  }));
  const lines = [
    `/** The library ${spec.name}: what its kernels and programs take. */`,
    "",
    ...record("Kernels", "The arguments of each kernel.", kernels),
    "",
    ...record("Programs", "The arguments of each program; the workspace is the runtime's business.", programs),
  ];
  return { path: `${spec.name}.d.ts`, text: `${lines.join("\n")}\n` };
}

function tensorMember(name: string, role: string, element: ElementType, shape: readonly Expr[]): Member {
  return { name, type: ARRAY_TYPE[element], doc: `${role} ${element} ${formatShape(shape)}` };
}

function dimMember(name: string): Member {
  return { name, type: "number", doc: "dimension" };
}

function record(
  name: string,
  doc: string,
  entries: readonly { readonly name: string; readonly doc: string; readonly members: readonly Member[] }[],
): readonly string[] {
  return [
    `/** ${doc} */`,
    `export interface ${name} {`,
    ...entries.flatMap((entry) => [
      ...docLines(entry.doc, "  "),
      `  readonly ${entry.name}: {`,
      ...entry.members.flatMap((member) => [
        ...docLines(member.doc, "    "),
        `    readonly ${propertyName(member.name)}: ${member.type};`,
      ]),
      "  };",
    ]),
    "}",
  ];
}

function docLines(text: string, pad: string): readonly string[] {
  const lines = text.replaceAll("*/", "*\\/").split("\n");
  if (lines.length === 1) return lines[0] === "" ? [] : [`${pad}/** ${lines[0]} */`];
  return [`${pad}/**`, ...lines.map((line) => `${pad} * ${line.trim()}`.trimEnd()), `${pad} */`];
}

/** Names of weights hold dots: such a property is quoted. */
function propertyName(name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? name : JSON.stringify(name);
}
