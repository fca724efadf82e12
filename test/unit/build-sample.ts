/** Builds for tests of the output folder: variants A and B share one file and differ in the others. */

import type { ManifestBody } from "../../src/compiler/build/manifest.ts";
import type { OutputFile } from "../../src/compiler/build/write-build.ts";

export type Variant = "A" | "B";

/** Large enough that a process can be killed in the middle of writing it. */
const LIBRARY_BYTES = 2_000_000;

export function sampleFiles(variant: Variant): readonly OutputFile[] {
  const library = Buffer.alloc(LIBRARY_BYTES, variant);
  return [
    { role: "library", target: "cpu", stem: "moe.cpu", extension: "so", content: library },
    { role: "header", target: null, stem: "moe", extension: "h", content: `/* ${variant} */\n` },
    { role: "types", target: null, stem: "moe", extension: "d.ts", content: "export {};\n" },
  ];
}

export function sampleBody(variant: Variant): ManifestBody {
  const hash = variant === "A" ? "a".repeat(64) : "b".repeat(64);
  return {
    tokitai: "0.1.0",
    name: "moe",
    targets: [{ kind: "cpu", architectures: [], compiler: "g++ 12.2.0", flags: ["-O3"] }],
    sources: [{ file: "kernels/linear.ts", sha256: hash }],
    kernels: [
      {
        name: "linear",
        file: "kernels/linear.ts",
        ir: hash,
        computes: "linear",
        widths: [32, 64],
        launch: { block: [16, 16, 1], grid: ["ceilDiv(N, 16)", "ceilDiv(B, 16)", "1"], sharedBytes: 2112 },
        conditions: [{ text: "B >= 1", status: "checked at launch" }],
        obligations: [
          {
            id: "linear/bounds/x#1",
            kind: "bounds",
            place: "kernels/linear.ts:19:46",
            statement: "x[b][k] stays within x",
            verdict: "proved",
            query: hash,
          },
        ],
        resources: [],
      },
    ],
    programs: [
      {
        name: "moe_forward",
        dims: ["B"],
        plan: hash,
        launches: [
          { label: "router", kernel: "linear", conditions: [{ text: "B >= 1", status: "checked at launch" }] },
        ],
        obligations: [],
      },
    ],
    solver: { name: "z3", version: "4.15.3" },
    abi: { version: 1, launchers: [{ name: "tok_linear", params: ["x", "w", null, true] }] },
  };
}
