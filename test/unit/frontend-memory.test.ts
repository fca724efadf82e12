/** What the front end makes of atomics, vector accesses and barriers: kernel source → kernel IR as text. */

import { describe, expect, it } from "vitest";
import { checkKernel } from "../../src/ir/kernel/check.ts";
import { accept, bodyOf, IMPORT } from "./frontend-reading.ts";

const KERNELS: Readonly<Record<string, string>> = {
  atomics: `
    const bins = shared(i32, [8, 4]);
    bins[mod(thread.x, 8)][0] = 0;
    q[i] = 0;
    barrier();
    atomicAdd(bins[mod(i, 8)][0], 1);
    if (i < N) atomicMin(k[i], -i);
    atomicMax((w[mod(i, N)]), i + z[0]);
    atomicAdd(u[0], i);
    atomicAdd(q[i], c);`,
  vectors: `
    const v = registers(f32, [4]);
    const g = registers(i32, [WIDE]);
    const p = registers(f32, [2]);
    const tile = shared(f32, [16, 4]);
    loadVector(v, x[i][4 * c]);
    for (let l = 0; l < 4; l++) v[l] += 1.0;
    storeVector(tile[mod(i, 16)][0], v);
    barrier();
    loadVector(v, (tile[0][0]));
    storeVector(y[i][0], (v));
    loadVector(g, z[0]);
    storeVector(k[0], g);
    loadVector(p, x[0][2]);
    storeVector(y[0][2], p);`,
  barriers: `
    const s = shared(i32, [64]);
    s[thread.x] = i;
    wave.barrier();
    k[i] = s[0];
    barrier();
    for (let r = 0; r < 3; r++) {
      s[thread.x] = r;
      wave.barrier();
    }`,
};

const source = (name: string, body: string): string => `export const ${name} = kernel(
  {
    x: input(f32, ["N", 8]), z: input(i32, ["N"]), c: scalar(i32), y: output(f32, ["N", 4]), q: output(i32, ["N"]),
    k: inout(i32, ["N"]), u: inout(u32, ["N"]), w: inout(i64, ["N"]),
  },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, z, c, y, q, k, u, w }, { N }) => {
    const i = block.x * 64 + thread.x;
${body}
  },
);
`;

const text = Object.entries(KERNELS)
  .map(([name, body]) => source(name, body))
  .join("");
const kernels = new Map(
  accept({ "k.ts": `${IMPORT}const WIDE = 16;\n${text}` }).map((kernel) => [kernel.name, kernel]),
);

function lowered(name: string): string {
  const kernel = kernels.get(name);
  return kernel === undefined ? "" : bodyOf(kernel);
}

describe("statements about memory", () => {
  it("change integer elements of shared, inout and output arrays atomically", () => {
    expect(lowered("atomics")).toBe(`const i: int = block.x * 64 + thread.x
bins[mod(thread.x, 8)][0] = 0
q[i] = 0
barrier
atomic add bins[mod(i, 8)][0], 1
if (i < N) {
  atomic min k[i], -i
}
atomic max w[mod(i, N)], i + z[0]
atomic add u[0], i
atomic add q[i], c`);
  });

  it("move whole register arrays of one axis, of floats and of integers", () => {
    expect(lowered("vectors")).toBe(`const i: int = block.x * 64 + thread.x
vector 4 v = x[i][4 * c]
for (l = 0; l < 4; l += 1) unroll {
  v[l] = v[l] + f32(1)
}
vector 4 tile[mod(i, 16)][0] = v
barrier
vector 4 v = tile[0][0]
vector 4 y[i][0] = v
vector 16 g = z[0]
vector 16 k[0] = g
vector 2 p = x[0][2]
vector 2 y[0][2] = p`);
  });

  it("tell the barrier of a wave from that of a block", () => {
    expect(lowered("barriers")).toBe(`const i: int = block.x * 64 + thread.x
s[thread.x] = i
wave barrier
k[i] = s[0]
barrier
for (r = 0; r < 3; r += 1) {
  s[thread.x] = r
  wave barrier
}`);
  });

  it("keep the element's place", () => {
    const atomic = kernels.get("atomics")?.body.at(-1);
    expect(atomic).toMatchObject({ kind: "atomic", array: { space: "global", name: "q" } });
    const column = "    atomicAdd(".length + 1;
    expect(atomic?.span).toMatchObject({ column, endColumn: column + "q[i]".length });
    const vector = kernels.get("vectors")?.body.at(-1);
    expect(vector).toMatchObject({
      kind: "vector",
      direction: "store",
      registers: { array: "p", index: [] },
      lanes: 2n,
    });
  });

  it("are well-formed IR", () => {
    expect([...kernels.values()].flatMap(checkKernel)).toEqual([]);
  });
});
