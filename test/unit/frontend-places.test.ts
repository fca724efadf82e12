/** The places that the nodes of a kernel keep: those of the source, also through inlined functions. */

import { describe, expect, it } from "vitest";
import type { Span } from "../../src/support/span.ts";
import { accept, IMPORT, simple } from "./frontend-reading.ts";

function textAt(text: string, { line, column, endLine, endColumn }: Span): string {
  expect(endLine).toBe(line);
  return text.split("\n")[line - 1]?.slice(column - 1, endColumn - 1) ?? "";
}

describe("places", () => {
  const top = "const half = (v: number) => v * 0.5;\n";
  const text = `${IMPORT}${top}${simple("form", "    const i = thread.x + 1;\n    y[i] = half(x[i]) + a;\n    barrier();\n    if (i < N) q[i] += z[i];")}`;
  const [kernel] = accept({ "k.ts": text });
  const [first, second, third, fourth] = kernel?.body ?? [];

  it("are those of the source, in the file's name relative to the working directory", () => {
    expect(kernel?.span.file).toBe("k.ts");
    expect(kernel && textAt(text, kernel.span)).toBe("form");
    expect(first?.kind === "let" && textAt(text, first.value.span)).toBe("thread.x + 1");
    expect(second && textAt(text, second.span)).toBe("y[i]");
    expect(third && textAt(text, third.span)).toBe("barrier()");
    expect(fourth?.kind === "if" && textAt(text, fourth.cond.span)).toBe("i < N");
    expect(kernel?.params.map(({ span }) => textAt(text, span))[2]).toBe("a: scalar(f32)");
  });

  it("of an inlined call are the function's, and the arguments' their own", () => {
    const sum = second?.kind === "store" ? second.value : undefined;
    const product = sum?.kind === "float-op" ? sum.left : undefined;
    expect(product && textAt(text, product.span)).toBe("v * 0.5");
    const argument = product?.kind === "float-op" ? product.left : undefined;
    expect(argument && textAt(text, argument.span)).toBe("x[i]");
    expect(argument?.span.line).toBe(second?.span.line);
  });
});
