/** What is kept of equivalence: proofs alone, under a key of everything that decides them. */

import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { equivalenceOf, METHOD_FOLDERS } from "../../src/verify/kinds/equivalence.ts";
import type { ObligationResult } from "../../src/verify/obligation.ts";
import type { Session } from "../../src/verify/session.ts";
import { kernelsOf } from "./equivalence-sources.ts";

const SUM = "y[b][n] = x[b][n] + bias[n];";
const kernelOf = kernelsOf({
  sum: { claim: "bias_add", body: SUM },
  spaced: { claim: "bias_add", body: `\n\n  // The bias comes last.\n  ${SUM}` },
  reordered: { claim: "bias_add", body: "y[b][n] = bias[n] + x[b][n];" },
  difference: { claim: "bias_add", body: "y[b][n] = x[b][n] - bias[n];" },
  literal: { claim: "bias_add", body: "y[b][n] = x[b][n] + 1.0 * bias[n];" },
  "other literal": { claim: "bias_add", body: "y[b][n] = x[b][n] + 2.0 * bias[n];" },
  open: { claim: "bias_add", body: "if (N > 5000) { y[b][n] = 1.0; } else { y[b][n] = x[b][n] + bias[n]; }" },
});
/** They are named by their position; the name is a part of the key. */
const named = (name: Parameters<typeof kernelOf>[0]): Kernel => ({ ...kernelOf(name), name: "the_kernel" });

interface Kept {
  readonly session: Session;
  readonly entries: Map<string, string>;
  /** Kernels executed. */
  readonly executed: () => number;
  readonly asked: string[];
}

function sessionWith(entries: Map<string, string> = new Map(), answer?: string): Kept {
  let executed = 0;
  const asked: string[] = [];
  const session: Session = {
    solve: () => Promise.reject(new Error("equivalence asks no solver")),
    counted: (work) => {
      executed++;
      return work;
    },
    cache: {
      size: entries.size,
      get: (key) => {
        asked.push(key);
        return answer ?? entries.get(key);
      },
      put: (key, value) => void entries.set(key, value),
      save: () => undefined,
    },
    solverVersion: () => "none",
  };
  return { session, entries, executed: () => executed, asked };
}

/** The verdict on a kernel's only output. */
async function verify(kernel: Kernel, { session }: Kept): Promise<ObligationResult> {
  const [result, ...more] = await equivalenceOf([kernel], session)(kernel);
  if (result === undefined || more.length > 0) throw new Error("not one output");
  return result;
}

/** The key that the kernel is looked up under; the answer spares its execution. */
async function keyOf(kernel: Kernel): Promise<string> {
  const kept = sessionWith(new Map(), JSON.stringify([["y", "S"]]));
  await verify(kernel, kept);
  const [key = ""] = kept.asked;
  return key;
}

/** The kernel with the first float literal of its body replaced. */
function withLiteral(kernel: Kernel, value: number): Kernel {
  let found = false;
  const replace = (expr: Expr): Expr => {
    if (expr.kind === "float") {
      found = true;
      return { ...expr, value };
    }
    return expr.kind === "float-op" ? { ...expr, left: replace(expr.left), right: replace(expr.right) } : expr;
  };
  const body = kernel.body.map((stmt) => (stmt.kind === "store" ? { ...stmt, value: replace(stmt.value) } : stmt));
  if (!found) throw new Error("no literal");
  return { ...kernel, body };
}

describe("the cache of equivalence", () => {
  it("spares a proved kernel its execution", async () => {
    const first = sessionWith();
    const proved = await verify(named("sum"), first);
    expect(proved.verdict).toBe("proved");
    expect([first.executed(), first.entries.size]).toEqual([1, 1]);

    const second = sessionWith(first.entries);
    expect(await verify(named("sum"), second)).toEqual({ ...proved, solverMs: 0 });
    expect(second.executed()).toBe(0);
  });

  it("does not look at places and comments", async () => {
    expect(await keyOf(named("spaced"))).toBe(await keyOf(named("sum")));
  });

  it.each(["reordered", "difference", "literal", "other literal"] as const)("has another key for: %s", async (name) => {
    expect(await keyOf(named(name))).not.toBe(await keyOf(named("sum")));
  });

  it("has a key of its own for each literal, claim, contract and block", async () => {
    const kernel = named("literal");
    const literals = [1, -1, 0, -0, 2 ** -149, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const others: readonly Kernel[] = [
      ...literals.map((value) => withLiteral(kernel, value)),
      { ...kernel, computes: "gelu", params: kernel.params.filter(({ name }) => name !== "bias") },
      { ...kernel, requires: [{ kind: "bool", type: "bool", value: true, span: kernel.span }] },
      { ...kernel, block: [2n, 1n, 1n] },
      { ...kernel, indexWidth: "i32" },
      { ...kernel, name: "another_kernel" },
    ];
    const keys = await Promise.all(others.map(keyOf));
    expect(new Set(keys).size).toBe(others.length);
  });

  it.each([
    ["is cut off", '[["y","B ∈ {0, 1'],
    ["is empty", ""],
    ["is no list", '{"y":"S"}'],
    ["is about another output", '[["z","S"]]'],
    ["is about more outputs", '[["y","S"],["z","S"]]'],
    ["is about none", "[]"],
    ["has no shapes", '[["y"]]'],
    ["has a number for shapes", '[["y",1]]'],
    ["is null", "null"],
  ])("does not believe an entry that %s", async (_what, entry) => {
    const kept = sessionWith(new Map(), entry);
    expect(await verify(named("difference"), kept)).toMatchObject({ verdict: "refuted" });
    expect(kept.executed()).toBe(1);
  });

  it("keeps neither refutations nor what is unknown", async () => {
    for (const [name, verdict] of [
      ["difference", "refuted"],
      ["open", "unknown"],
    ] as const) {
      const kept = sessionWith();
      expect(await verify(named(name), kept)).toMatchObject({ verdict });
      expect(kept.entries.size).toBe(0);
      await verify(named(name), kept);
      expect(kept.executed()).toBe(2);
    }
  });

  it("hashes every file that has a part in a verdict", () => {
    const source = join(import.meta.dirname, "../../src");
    const parts = new Set<string>();
    const follow = (file: string): void => {
      if (parts.has(file)) return;
      parts.add(file);
      const imports = readFileSync(file, "utf8").matchAll(/^(?:import|export) (?!type\b)[^;]*? from "(\.[^"]+)"/gm);
      for (const [, path = ""] of imports) follow(resolve(dirname(file), path));
    };
    follow(join(source, "verify/equivalence/worker.ts"));
    expect(parts.size).toBeGreaterThan(20);
    const folders = new Set([...parts].map((file) => relative(source, dirname(file))));
    expect([...folders].filter((folder) => !METHOD_FOLDERS.some((hashed) => hashed === folder))).toEqual([]);
  });
});
