/** The tuning file: entries merged and rendered, and the committed one still about the kernels that are there. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import {
  chosenKernels,
  mergeTuning,
  parseTuning,
  renderTuning,
  type TuningEntry,
} from "../../src/compiler/tuning-file.ts";
import { variantsOf } from "../../src/compiler/variants.ts";

const ROOT = join(import.meta.dirname, "../..");
const COMMITTED = readFileSync(join(ROOT, "test/model/tuning.json"), "utf8");

function entries(text: string): readonly TuningEntry[] {
  const parsed = parseTuning(text, "tuning.json");
  if (!parsed.ok) throw new Error("no tuning file");
  return parsed.value;
}

describe("the tuning file", () => {
  const { kernels, sources } = readKernels(["test/model/kernels/blocked.ts", "test/model/kernels/tiled.ts"], {
    cwd: ROOT,
  });

  it("that is committed chooses among the instances as they are, and keeps other kernels", () => {
    const chosen = chosenKernels(kernels, sources, entries(COMMITTED), ["gfx1101", "gfx90a"]);
    if (!chosen.ok) throw new Error(chosen.diagnostics.map(({ message }) => message).join("\n"));
    expect(chosen.value.map(({ name }) => name)).toEqual(["blocked_PER4_BK16", "tiled"]);
  });

  it("has the exported name of a kernel, without its parameters", () => {
    expect(variantsOf(kernels, sources).map(({ name, kernels: own }) => [name, own.length])).toEqual([
      ["blocked", 4],
      ["tiled", 1],
    ]);
  });

  it("is rendered in one order, and read back", () => {
    const [first, second] = entries(COMMITTED);
    if (first === undefined || second === undefined) throw new Error("two entries are expected");
    expect(renderTuning([second, first])).toBe(COMMITTED);
  });

  it("keeps what another run has chosen of something else", () => {
    const [first, second] = entries(COMMITTED);
    if (first === undefined || second === undefined) throw new Error("two entries are expected");
    const again = { ...second, chosen: "blocked_PER2_BK8" };
    expect(mergeTuning([first, second], [again])).toEqual([first, again]);
    expect(mergeTuning([first], [{ ...first, file: "other.ts" }])).toHaveLength(2);
  });
});
