/**
 * Kernels that are far from what anyone writes, each with the verdict that it must get: through the front end, all
 * obligations and the solver. None of them may end in an overflow of the stack, and none that is wrong may be proved.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readSources } from "../../src/compiler/prove.ts";
import type { ObligationResult } from "../../src/verify/obligation.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { type KernelReport, verifyKernels } from "../../src/verify/verify.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-bad-"));
const pool = new SolverPool({ processes: 1 });
afterAll(() => {
  pool.close();
  rmSync(folder, { recursive: true });
});

interface Form {
  readonly params?: string;
  readonly dims?: string;
  readonly grid?: string;
  readonly names?: string;
}

const I = "const i = block.x * 32 + thread.x;\n";

function source(name: string, body: string, form: Form = {}): string {
  const {
    params = '{ x: input(f32, ["N"]), y: output(f32, ["N"]) }',
    dims = "{ N }",
    grid = "({ N }) => [ceilDiv(N, 32)]",
    names = "{ x, y }",
  } = form;
  return `import { block, ceilDiv, div, f32, input, kernel, output, requires, thread } from "tokitai/dsl";
export const ${name} = kernel(
  ${params},
  { grid: ${grid}, block: [32] },
  (${names}, ${dims}) => {
${body}
  },
);
`;
}

const UNUSED = /is declared but (its value is )?never (used|read)/;

async function report(text: string, own = pool): Promise<KernelReport> {
  const path = join(folder, "bad.ts");
  writeFileSync(path, text);
  const sources = await readSources({ inputs: [path], cwd: folder, config: undefined });
  expect(sources.diagnostics.filter(({ message }) => !UNUSED.test(message))).toEqual([]);
  const [found] = await verifyKernels(sources.kernels, openSession(own));
  if (found === undefined) throw new Error("no kernel was read");
  return found;
}

function notProved({ obligations }: KernelReport): readonly string[] {
  return obligations.filter(({ verdict }) => verdict !== "proved").map(({ id, verdict }) => `${id} ${verdict}`);
}

function expectProved(found: KernelReport): void {
  expect(notProved(found)).toEqual([]);
  expect(found.certificate).toBeDefined();
}

function nested(count: number, open: (level: number) => string, inner: string): string {
  const heads = Array.from({ length: count }, (_, level) => `${open(level)} {\n`);
  return `${heads.join("")}${inner}\n${"}\n".repeat(count)}`;
}

describe("a kernel that is very large", () => {
  it("of 2,000 statements is proved", async () => {
    const statements = "a = a + x[i];\n".repeat(1_997);
    expectProved(await report(source("lengthy", `${I}if (i < N) {\nlet a = f32(0);\n${statements}y[i] = a;\n}`)));
  });

  it("of 2,000 statements, the last of which is wrong, is refuted there", async () => {
    const statements = "a = a + x[i];\n".repeat(1_997);
    const found = await report(
      source("wrong", `${I}if (i < N) {\nlet a = f32(0);\n${statements}y[i] = a + x[i + 1];\n}`),
    );
    expect(notProved(found)).toEqual(["wrong/bounds/x#1998 refuted"]);
    expect(found.certificate).toBeUndefined();
  });

  it("with loops nested 12 deep is proved, and refuted when the innermost reads past the end", async () => {
    const loop = (level: number): string => `for (let k${level} = 0; k${level} < N; k${level}++)`;
    const body = (index: string): string =>
      `${I}if (i < N) {\nlet a = f32(0);\n${nested(12, loop, `a = a + x[${index}];`)}y[i] = a;\n}`;
    expectProved(await report(source("deep", body("k11"))));
    expect(notProved(await report(source("deeper", body("k11 + k0"))))).toContain("deeper/bounds/x#1 refuted");
  });

  it("with conditions nested 60 deep is proved", async () => {
    expectProved(await report(source("conditions", `${I}${nested(60, () => "if (i < N)", "y[i] = x[i];")}`)));
  });

  it("with an expression of 150 operands is proved", async () => {
    const sum = Array.from({ length: 150 }, () => "x[i]").join(" + ");
    expectProved(await report(source("sum", `${I}if (i < N) y[i] = ${sum};`)));
  });
});

describe("a kernel that is too large", () => {
  it("for an expression of 5,000 operands, is refused at its place", async () => {
    for (const operand of ["x[i]", "f32(i)"]) {
      const sum = Array.from({ length: 5_000 }, () => operand).join(" + ");
      writeFileSync(join(folder, "bad.ts"), source("huge", `${I}if (i < N) y[i] = ${sum};`));
      const { diagnostics, kernels } = await readSources({ inputs: ["bad.ts"], cwd: folder, config: undefined });
      expect(kernels).toEqual([]);
      expect(diagnostics.map(({ code }) => code)).toContain("TK152");
    }
  });
});

describe("a kernel that reads and writes one element 2,000 times", () => {
  it("is proved without a pair for each two of its statements", async () => {
    const statements = "y[i] = y[i] + x[i];\n".repeat(2_000);
    const params = '{ x: input(f32, ["N"]), y: inout(f32, ["N"]) }';
    const text = source("again", `${I}if (i < N) {\n${statements}}`, { params }).replace(
      "f32, input",
      "f32, inout, input",
    );
    expectProved(await report(text));
  });
});

describe("a kernel of extreme sizes", () => {
  const fixed = (size: string, blocks: string): Form => ({
    params: `{ x: input(f32, [${size}]), y: output(f32, [${size}]) }`,
    dims: "{}",
    grid: `() => [${blocks}]`,
  });

  it("of 2³¹ − 1 elements is proved with its guard, and refuted without", async () => {
    const form = fixed("2147483647", "67108864");
    expectProved(await report(source("guarded", `${I}if (i < 2147483647) y[i] = x[i];`, form)));
    expect(notProved(await report(source("unguarded", `${I}y[i] = x[i];`, form)))).toEqual([
      "unguarded/bounds/x#1 refuted",
      "unguarded/bounds/y#1 refuted",
    ]);
  });

  it("of no elements is refuted where it touches one, and its dead code is named", async () => {
    const form = fixed("0", "1");
    expect(notProved(await report(source("touches", `${I}y[i] = x[i];`, form)))).toContain(
      "touches/bounds/y#1 refuted",
    );
    expect(notProved(await report(source("dead", `${I}if (i < 0) y[i] = x[i];`, form)))).toEqual([
      "dead/contract/reachable.x#1 refuted",
    ]);
  });
});

describe("a kernel without sense", () => {
  const two: Form = {
    params: '{ x: input(f32, ["N"]), z: input(f32, ["M"]), y: output(f32, ["N"]) }',
    dims: "{ N, M }",
    names: "{ x, y, z }",
  };

  it("with an empty body is not proved, since nobody writes its output", async () => {
    const found = await report(source("empty", ""));
    expect(found.certificate).toBeUndefined();
    expect(notProved(found).join()).toContain("empty/coverage/y#1");
  });

  it("whose grid divides by a dimension that can be 0 is refuted", async () => {
    const form = { ...two, dims: "{ N }", grid: "({ N, M }) => [ceilDiv(N, M)]" };
    const found = await report(source("divides", `${I}if (i < N) y[i] = x[i];`, form));
    expect(found.certificate).toBeUndefined();
    expect(notProved(found).some((line) => line.endsWith(" refuted"))).toBe(true);
  });

  it("that divides by a dimension that can be 0 is refuted", async () => {
    const found = await report(source("body", `${I}if (i < N) y[i] = x[i - i + div(i, M) - div(i, M)];`, two));
    expect(notProved(found).some((line) => /^body\/overflow\/.* refuted$/.test(line))).toBe(true);
  });

  it("whose contract divides by a dimension that can be 0 proves nothing that the contract does not say", async () => {
    const contract = `requires(div(N, M) >= 1);\n${I}`;
    expect(notProved(await report(source("past", `${contract}y[i] = x[i + 7] + z[0];`, two)))).toEqual(
      expect.arrayContaining(["past/bounds/x#1 refuted", "past/bounds/y#1 refuted"]),
    );
    const nonsense = `requires(div(N, M) >= 1 && div(N, M) <= 0);\n${I}`;
    const found = await report(source("nonsense", `${nonsense}y[i] = x[i + 7];`, two));
    expect(notProved(found)).toContain("nonsense/contract/reachable.body#1 refuted");
    expect(found.certificate).toBeUndefined();
  });
});

describe("a solver that never answers", () => {
  it("leaves every obligation unknown that needs it, after a bounded time", async () => {
    const program = join(folder, "hangs.mjs");
    writeFileSync(program, 'process.on("message", () => {}); process.send({ kind: "ready", version: "none" });');
    const hanging = new SolverPool({ processes: 1, program, limits: { steps: 1, timeoutMs: 100 } });
    const found = await report(source("plain", `${I}if (i < N) y[i] = x[i];`), hanging);
    hanging.close();
    const asked = found.obligations.filter(({ query }: ObligationResult) => query !== "");
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.map(({ verdict }) => verdict)).toEqual(asked.map(() => "unknown"));
    expect(found.certificate).toBeUndefined();
  });
});
