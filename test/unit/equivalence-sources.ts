/** Kernels for tests of equivalence: a claim and a body in, a kernel that one thread per element or row runs out. */

import type { Kernel } from "../../src/ir/kernel/types.ts";
import { kernelsFrom } from "../kernel-source.ts";

/** Parameters by claim, and the launch; `b`, `n` and `e` are the block's indices. */
const CLAIMS = {
  matmul: ["x: BK, w: NK, y: out(['B', 'N'])", "B, N"],
  linear: ["x: BK, w: NK, bias: inp(['N']), y: out(['B', 'N'])", "B, N"],
  bias_add: ["x: BN, bias: inp(['N']), y: out(['B', 'N'])", "B, N"],
  gelu: ["x: BN, y: out(['B', 'N'])", "B, N"],
  gelu_tanh: ["x: BN, y: out(['B', 'N'])", "B, N"],
  combine: ["weights: BE, parts: inp(['E', 'B', 'N']), y: out(['B', 'N'])", "B, N"],
  softmax: ["x: BN, y: out(['B', 'N'])", "B"],
  layer_norm: ["x: BN, gamma: inp(['N']), beta: inp(['N']), epsilon: scalar(f32), y: out(['B', 'N'])", "B"],
  top_k_mask: ["p: BE, k: scalar(i32), w: out(['B', 'E'])", "B, E"],
  top_k_mask_renormalised: ["p: BE, k: scalar(i32), w: out(['B', 'E'])", "B"],
} as const;
export type Claim = keyof typeof CLAIMS;

export interface Source {
  readonly claim: Claim;
  readonly body: string;
  /** What it `requires`; default: what the claim needs. */
  readonly needs?: string;
  /** Instead of one block per element or row. */
  readonly launch?: string;
  /** Instead of those of the claim. */
  readonly params?: string;
}

const HEADER = `import { abs, barrier, block, ceilDiv, div, erf, exp, f32, fma, i32, input, invariant, kernel, loadVector, log, max, min,
  mod, output, registers, requires, scalar, shared, sqrt, tanh, thread } from "tokitai/dsl";
`;
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/\bB([KNE])\b(?=,)/g, "input(f32, ['B', '$1'])"],
  [/\bNK\b(?=,)/g, "input(f32, ['N', 'K'])"],
  [/\binp\(/g, "input(f32, "],
  [/\bout\(/g, "output(f32, "],
];

function textOf(name: string, { claim, body, needs, launch, params }: Source): string {
  const [ownParams, grid] = CLAIMS[claim];
  const declared = SHAPES.reduce((text, [from, to]) => text.replace(from, to), params ?? ownParams);
  const dims = ["B", "K", "N", "E", "T"].filter((dim) => new RegExp(`'${dim}'`).test(declared)).join(", ");
  const names = [...declared.matchAll(/(\w+):/g)].map(([, param]) => param).join(", ");
  const indices = grid === "B" ? "" : grid === "B, E" ? "const e = block.y;" : "const n = block.y;";
  const start = launch === undefined ? `const b = block.x; ${indices}` : "";
  const launched = launch ?? `grid: ({ ${grid} }) => [${grid}], block: [1]`;
  const own = needs ?? (claim.startsWith("top_k") ? "1 <= k && k <= E" : undefined);
  const conditions = own === undefined ? "" : `requires(${own});`;
  return `export const ${name} = kernel({ ${declared} }, { computes: "${claim}", ${launched} },
  ({ ${names} }, { ${dims} }) => { ${conditions} ${start}
  ${body}
});
`;
}

/** All of them, read at once. */
export function kernelsOf<const Name extends string>(sources: Readonly<Record<Name, Source>>): (name: Name) => Kernel {
  const entries = Object.entries<Source>(sources);
  const text = entries.map(([, source], i) => textOf(`kernel_${i}`, source)).join("\n");
  const kernels = kernelsFrom(HEADER + text);
  return (name) => {
    const kernel = kernels.get(`kernel_${entries.findIndex(([own]) => own === name)}`);
    if (kernel === undefined) throw new Error(`no kernel ${name}`);
    return kernel;
  };
}
