/**
 * Conformance of the routing kernels, which read index tensors: the CPU build and the interpreter against
 * their definitions, written out as loops. What they move comes out bit by bit; what they compute, within a bound.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findToolchain } from "../../src/compiler/build/toolchain.ts";
import { denseTensor, interpretKernel } from "../../src/ir/kernel/interpret.ts";
import { agrees } from "../../src/ir/tensor/error-model.ts";
import { type CpuLibrary, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import { numbers } from "./cases.ts";
import { buildInto, type ProvedSources, proveKernels, unwrap } from "./library.ts";
import { LOSS_CASES } from "./loss-cases.ts";
import { type RoutingCase, sparseCases, type Tensors } from "./sparse-cases.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-routing-"));
let proved: ProvedSources;
let library: CpuLibrary;

beforeAll(async () => {
  proved = await proveKernels();
  await buildInto(folder, proved, await findToolchain(process.env), false);
  library = unwrap(openCpuLibrary(folder));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Every kernel for T tokens and E experts; unless all go to one, experts get very different numbers of tokens, some none. */
function casesOf(T: number, E: number, all?: number): readonly RoutingCase[] {
  const next = numbers(31 * T + E);
  const N = 5;
  const ids = Int32Array.from({ length: T }, () => all ?? Math.floor(next() * next() * E));
  const counts = new Int32Array(E);
  for (const id of ids) counts[id] = (counts[id] ?? 0) + 1;
  const offsets = new Int32Array(E + 1);
  counts.forEach((count, e) => {
    offsets[e + 1] = (offsets[e] ?? 0) + count;
  });
  const fill = offsets.slice();
  const position = ids.map((id) => {
    const place = fill[id] ?? 0;
    fill[id] = place + 1;
    return place;
  });
  const source = new Int32Array(T);
  position.forEach((place, t) => {
    source[place] = t;
  });
  const x = Float32Array.from({ length: T * N }, () => next() - 0.5);
  const sorted = new Float32Array(T * N);
  source.forEach((t, p) => {
    sorted.set(x.subarray(t * N, (t + 1) * N), p * N);
  });
  return [
    {
      kernel: "expert_counts",
      dims: { T, E },
      shapes: { ids: [T], counts: [E] },
      inputs: { ids },
      outputs: { counts },
    },
    {
      kernel: "expert_offsets",
      dims: { T, E },
      shapes: { ids: [T], counts: [E], offsets: [E + 1] },
      inputs: { ids, counts },
      outputs: { offsets },
    },
    {
      kernel: "token_positions",
      dims: { T, E },
      shapes: { ids: [T], offsets: [E + 1], position: [T] },
      inputs: { ids, offsets },
      outputs: { position },
    },
    {
      kernel: "scatter_rows",
      dims: { T, N },
      shapes: { x: [T, N], position: [T], source: [T], y: [T, N] },
      inputs: { x, position, source },
      outputs: { y: sorted },
    },
    {
      kernel: "gather_rows",
      dims: { R: T, T, N },
      shapes: { x: [T, N], source: [T], y: [T, N] },
      inputs: { x, source },
      outputs: { y: sorted },
    },
    ...sparseCases({ ids, offsets, position, source }),
  ];
}

const CASES = [
  ...[0, 1, 63, 64, 65, 200].flatMap((T) => [1, 3, 64, 65].flatMap((E) => casesOf(T, E))),
  ...[0, 1, 2].flatMap((all) => casesOf(33, 3, all)),
  ...LOSS_CASES,
];
const nameOf = ({ kernel, dims, scalars }: RoutingCase): string =>
  [kernel, ...Object.entries({ ...dims, ...scalars }).map(([name, value]) => `${name}=${value}`)].join(" ");

/** Results are as expected: within their bounds, or equal where they have none. */
function expectResults(results: Tensors, { outputs, bounds = {} }: RoutingCase): void {
  for (const [name, expected] of Object.entries(outputs)) {
    const [found, bound] = [results[name], bounds[name]];
    if (bound === undefined) {
      expect(found, name).toEqual(expected);
      continue;
    }
    const wrong = [...expected.entries()].filter(([i, value]) => !agrees(found?.[i] ?? -77, value, bound[i] ?? 0));
    expect(wrong, name).toEqual([]);
  }
}

/** Room for the outputs, filled with what no kernel writes. */
function blank(outputs: Tensors): Tensors {
  return Object.fromEntries(Object.entries(outputs).map(([name, data]) => [name, data.slice().fill(-77)]));
}

describe("routing kernels", () => {
  it("are all the kernels with an index tensor that keep no state", () => {
    const routing = proved.sources.kernels.filter(
      ({ params }) =>
        params.some(({ kind, element }) => kind === "tensor" && element === "i32") &&
        !params.some((param) => param.kind === "tensor" && param.role === "inout"),
    );
    expect([...new Set(CASES.map(({ kernel }) => kernel))].sort()).toEqual(routing.map(({ name }) => name).sort());
  });

  it("have experts with no token, with one, and with all", () => {
    const ways = CASES.filter(({ kernel, dims }) => kernel === "slot_experts" && dims["E"] !== 1);
    const groups = ways.flatMap(({ dims, outputs }) => {
      const owners = [...(outputs["expert"] ?? [])];
      return Array.from({ length: dims["E"] ?? 0 }, (_, e) => {
        const count = owners.filter((owner) => owner === e).length;
        return count > 1 && count === owners.length ? "all" : count;
      });
    });
    expect(groups).toEqual(expect.arrayContaining([0, 1, "all"]));
  });

  it.each(CASES.map((one) => [nameOf(one), one] as const))("%s on the CPU", (_, one) => {
    const { kernel, dims, inputs, scalars = {}, outputs } = one;
    const results = blank(outputs);
    library.call(kernel, { tensors: { ...inputs, ...results }, dims, scalars });
    expectResults(results, one);
  });

  const interpreted = CASES.filter(({ dims }) => (dims["T"] ?? 0) <= 65);
  it.each(interpreted.map((one) => [nameOf(one), one] as const))("%s in the interpreter", (_, one) => {
    const { kernel: name, dims, shapes, inputs, scalars = {}, outputs } = one;
    const kernel = proved.sources.kernels.find((candidate) => candidate.name === name);
    if (kernel === undefined) throw new Error(`no kernel ${name}`);
    const results = blank(outputs);
    const tensors = Object.entries({ ...inputs, ...results });
    const outcome = interpretKernel({
      kernel,
      dims: Object.fromEntries(Object.entries(dims).map(([dim, size]) => [dim, BigInt(size)])),
      scalars,
      tensors: Object.fromEntries(
        tensors.map(([tensor, data]) => [tensor, denseTensor(shapes[tensor] ?? [], data)] as const),
      ),
      width: 32,
    });
    expect(outcome).toEqual({ faults: [], complete: true });
    expectResults(results, one);
  });
});
