/**
 * Copies of kernels that hold for one size only: the text of a kernel file in, the same text with `requires(N === size)`
 * for every dimension of every kernel out.
 */

import type { Kernel } from "../../src/ir/kernel/types.ts";

/** `kernels` are those of the file. Throws where a kernel is not written as those of this project are. */
export function fixSizes(text: string, kernels: readonly Kernel[], size: number): string {
  // What stands first in the text is changed last, so that places hold.
  // Instances of one kernel, and kernels of one family, have one text.
  const written = new Map(kernels.map((kernel) => [lineOf(text, kernel), kernel]));
  const lastFirst = [...written].sort(([a], [b]) => b - a);
  const changed = lastFirst.reduce((before, [line, kernel]) => fixKernel(before, line, kernel, size), text);
  const imports = /import \{[^}]*\brequires\b[^}]*\} from "tokitai\/dsl"/.test(text);
  return imports ? changed : `import { requires } from "tokitai/dsl";\n${changed}`;
}

/**
 * The same kernels without their `computes`. What they claim is proved at small sizes only, so that a contract that allows
 * one large size leaves it open.
 */
export function withoutClaims(text: string): string {
  return text.replace(/\bcomputes:[^,]*,\s*/g, "");
}

/** The head of a kernel's body, which stands deeper in a family: its parameters, and the dimensions that it names. */
const HEAD = /^( {2}| {4})\((\{[^}]*\})(?:, \{[^}]*\})?\) => \{$/m;

/** Where the text of a kernel begins, from 1: that of a family stands where the family is defined. */
function lineOf(text: string, { span }: Kernel): number {
  const lines = text.split("\n");
  const [, family] = /^export const \w+ = (\w+)\(/.exec(lines[span.line - 1] ?? "") ?? [];
  const definition = lines.findIndex((line) => line.startsWith(`const ${family} = (`));
  return definition < 0 ? span.line : definition + 1;
}

function fixKernel(text: string, line: number, { name, dims }: Kernel, size: number): string {
  const lines = text.split("\n");
  const [before, after] = [lines.slice(0, line - 1).join("\n"), lines.slice(line - 1).join("\n")];
  if (!HEAD.test(after)) throw new Error(`the body of ${name} has no head of the form ({ … }, { … }) => {`);
  const conditions = dims.map((dim) => `\n    requires(${dim} === ${size});`).join("");
  const head = (_: string, indent: string, params: string): string =>
    `${indent}(${params}, { ${dims.join(", ")} }) => {${conditions}`;
  const fixed = after.replace(HEAD, head);
  return before === "" ? fixed : `${before}\n${fixed}`;
}
