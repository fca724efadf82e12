/** A compilation that an earlier run has done: it is taken from there, byte for byte, and only where nothing has changed. */

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../src/support/hash.ts";
import { type Ended, ROOT, runNode } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-kept-"));
const cache = mkdtempSync(join(tmpdir(), "tokitai-kept-cache-"));
afterAll(() => {
  for (const path of [folder, cache]) rmSync(path, { recursive: true });
});

const HELPER = "export const VALUE = 1;\n";
const KERNEL = `import { block, ceilDiv, f32, kernel, output, thread } from "tokitai/dsl";
import { VALUE } from "../shared/helper.ts";
/** Fills y. */
export const fill = kernel(
  { y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 32)], block: [32] },
  ({ y }, { N }) => {
    const i = block.x * 32 + thread.x;
    if (i < N) y[i] = f32(VALUE);
  },
);
`;

/** A process in which whatever imports TypeScript, Z3 or schemas fails. */
const HOOK = `export async function resolve(name, context, next) {
  if (/^(ts-morph|z3-solver|zod|cli-table3)/.test(name)) throw new Error("imported " + name);
  return next(name, context);
}`;
const REGISTER = `import { register } from "node:module"; register("data:text/javascript," + ${JSON.stringify(encodeURIComponent(HOOK))});`;
const WITHOUT = ["--import", `data:text/javascript,${encodeURIComponent(REGISTER)}`];

function compile(args: readonly string[], env: NodeJS.ProcessEnv = {}, node: readonly string[] = []): Ended {
  const command = [...node, join(ROOT, "bin/tokitai.js"), "compile", ...args];
  return runNode(folder, command, { TOKITAI_CACHE: cache, ...env });
}

/** Whether the build is at hand: then nothing is read, proved or built. */
function isAtHand(args: readonly string[], env: NodeJS.ProcessEnv = {}): boolean {
  rmSync(join(folder, "taken"), { recursive: true, force: true });
  const { code, stderr } = compile([...args, "-o", "taken"], env, WITHOUT);
  if (code !== 0) expect(stderr).toMatch(/imported (ts-morph|z3-solver|zod|cli-table3)/);
  return code === 0;
}

const entries = (): readonly string[] => {
  try {
    return readdirSync(join(cache, "builds")).sort();
  } catch {
    return [];
  }
};

function contents(name: string): ReadonlyMap<string, string> {
  const path = join(folder, name);
  return new Map(readdirSync(path).map((file) => [file, sha256(readFileSync(join(path, file)))]));
}

function write(name: string, text: string): void {
  mkdirSync(join(folder, name, ".."), { recursive: true });
  writeFileSync(join(folder, name), text);
}

/** A compiler that says it is of the version. */
function compiler(version: string): NodeJS.ProcessEnv {
  const path = join(folder, "c++");
  const script = `#!/bin/sh\ncase "$1" in --version) echo "g++ (GNU) ${version}";; *) exec g++ "$@";; esac\n`;
  writeFileSync(path, script, { mode: 0o755 });
  return { CXX: path };
}

beforeAll(() => {
  write("shared/helper.ts", HELPER);
  write("mine/fill.ts", KERNEL);
});

describe("a compilation that was done before", () => {
  it("gives the same folder and the same words, and loads neither TypeScript nor Z3", () => {
    expect(isAtHand(["mine"])).toBe(false);
    const first = compile(["mine", "-o", "out"]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    const made = contents("out");
    expect(made.size).toBeGreaterThan(5);
    const again = compile(["mine", "-o", "out"], {}, WITHOUT);
    expect(again).toEqual(first);
    expect(contents("out")).toEqual(made);
    expect(isAtHand(["mine"])).toBe(true);
    expect(contents("taken")).toEqual(made);
    compile(["mine", "-o", "anew", "--no-cache"]);
    expect(contents("anew")).toEqual(made);
  });

  it("replaces another build in the folder, and nothing else of it", () => {
    write("other/fill.ts", KERNEL.replace("f32(VALUE)", "f32(2)"));
    expect(compile(["other", "-o", "both"]).code).toBe(0);
    write("both/notes.txt", "mine");
    expect(compile(["mine", "-o", "both"]).code).toBe(0);
    const found = new Map(contents("both"));
    expect(found.delete("notes.txt")).toBe(true);
    expect(found).toEqual(contents("out"));
  });

  it.each([
    ["the kernel file", "mine/fill.ts", (text: string) => text.replace("f32(VALUE)", "f32(3)")],
    ["a comment of it", "mine/fill.ts", (text: string) => text.replace("Fills y.", "Fills all of y.")],
    ["a file that it imports", "shared/helper.ts", (text: string) => text.replace("= 1;", "= 4;")],
  ])("is done anew when %s has changed", (_, name, change) => {
    const before = readFileSync(join(folder, name), "utf8");
    write(name, change(before));
    expect(isAtHand(["mine"])).toBe(false);
    expect(compile(["mine", "-o", "changed"]).code).toBe(0);
    expect(contents("changed")).not.toEqual(contents("out"));
    expect(isAtHand(["mine"])).toBe(true);
    write(name, before);
    // A key is of the files' names, so that its entry was replaced.
    expect(isAtHand(["mine"])).toBe(false);
    expect(compile(["mine", "-o", "changed"]).code).toBe(0);
    expect(contents("changed")).toEqual(contents("out"));
  });

  it("is done anew when the folder has another file", () => {
    write("mine/second.ts", KERNEL.replace("fill =", "second ="));
    expect(isAtHand(["mine"])).toBe(false);
    rmSync(join(folder, "mine/second.ts"));
    expect(isAtHand(["mine"])).toBe(true);
  });

  it("is another one with other options, another model or another compiler", () => {
    expect(isAtHand(["mine", "--emit", "so,manifest"])).toBe(false);
    expect(isAtHand(["mine", "--size", "tiny"])).toBe(false);
    expect(isAtHand(["mine", "--target", "hip"])).toBe(false);
    expect(isAtHand(["mine", "--offload-arch", "gfx1030"])).toBe(false);
    expect(isAtHand(["mine/fill.ts"])).toBe(false);
    expect(isAtHand(["mine"], { TOKITAI_ANYTHING: "1" })).toBe(false);
    expect(isAtHand(["mine"], compiler("99.0"))).toBe(false);
    expect(compile(["mine", "-o", "compiled"], compiler("99.0")).code).toBe(0);
    expect(isAtHand(["mine"], compiler("99.0"))).toBe(true);
    expect(isAtHand(["mine"], compiler("99.1"))).toBe(false);
    expect(isAtHand(["mine"])).toBe(true);
  });

  it("is done anew when it was damaged, and then is whole again", () => {
    const before = new Map(entries().map((name) => [name, readFileSync(join(cache, "builds", name))]));
    for (const [name, bytes] of before) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
      writeFileSync(join(cache, "builds", name), altered);
    }
    expect(isAtHand(["mine"])).toBe(false);
    expect(compile(["mine", "-o", "repaired"]).code).toBe(0);
    expect(contents("repaired")).toEqual(contents("out"));
    expect(isAtHand(["mine"])).toBe(true);
    for (const name of entries()) writeFileSync(join(cache, "builds", name), before.get(name)?.subarray(0, 500) ?? "");
    expect(isAtHand(["mine"])).toBe(false);
    expect(compile(["mine", "-o", "repaired"]).code).toBe(0);
    expect(contents("repaired")).toEqual(contents("out"));
  });

  it("is neither looked for nor kept with --no-cache, or when the work is to be seen", () => {
    const before = entries();
    expect(isAtHand(["mine", "--no-cache"])).toBe(false);
    expect(isAtHand(["mine"], { TOKITAI_DEBUG: "1" })).toBe(false);
    write("uncached/fill.ts", KERNEL.replace("fill =", "uncached ="));
    expect(compile(["uncached", "-o", "uncached-out", "--no-cache"]).code).toBe(0);
    expect(entries()).toEqual(before);
    expect(isAtHand(["uncached"])).toBe(false);
  });
});

describe("what is not kept", () => {
  it.each([
    ["is refuted", KERNEL.replace("if (i < N) ", ""), 10],
    ["is outside the language", KERNEL.replace("f32(VALUE)", "f32(i / 2)"), 2],
  ])("is a compilation that %s", (_, text, exit) => {
    const before = entries();
    write("wrong/fill.ts", text);
    for (let round = 0; round < 2; round++) {
      const { code, stderr } = compile(["wrong", "-o", "wrong-out"]);
      expect(code, stderr).toBe(exit);
    }
    expect(entries()).toEqual(before);
  });

  it("is one whose compiler fails", () => {
    const before = entries();
    const failing = join(folder, "failing");
    const script = '#!/bin/sh\ncase "$1" in --version) echo "g++ (GNU) 98.0";; *) exit 1;; esac\n';
    writeFileSync(failing, script, { mode: 0o755 });
    expect(compile(["mine", "-o", "failed"], { CXX: failing }).code).toBe(4);
    expect(entries()).toEqual(before);
  });

  it("is one of a model that is not of this package: it is a program", () => {
    const before = entries();
    cpSync(join(ROOT, "models/moe.ts"), join(folder, "model.ts"));
    write(
      "small.json",
      JSON.stringify({ inputs: 4, hidden: 8, depth: 0, experts: 2, chosen: 1, outcomes: 3, actions: 2 }),
    );
    const { code, stderr } = compile(["model.ts", "--config", "small.json", "-o", "model"], {
      TOKITAI_CACHE: join(ROOT, ".tokitai/cache"),
    });
    expect(code, stderr).toBe(0);
    expect(entries()).toEqual(before);
  });
});
