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
import { type CpuLibrary, openCpuLibrary, type TensorData } from "../../src/runtime/cpu/library.ts";
import { bitsOfFloats, HALF_ELEMENTS } from "../../src/support/half-formats.ts";
import { buildInto, type ProvedSources, proveKernels, unwrap } from "./library.ts";
import { blankOutputs, expectResults, ROUTING_CASES, routingName, VECTOR_ROUTING_CASES } from "./routing-cases.ts";
import type { Tensors } from "./routing-shapes.ts";
import { lacksUnit, MISSING } from "./vector-units.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-routing-"));
let proved: ProvedSources;
let library: CpuLibrary;

beforeAll(async () => {
  proved = await proveKernels();
  await buildInto(folder, proved, await findToolchain(process.env), false);
  library = unwrap(openCpuLibrary(folder));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Inputs as the kernel takes them: floats of two bytes where its tensors are of those. */
function inMemory(kernel: string, inputs: Tensors): Readonly<Record<string, TensorData>> {
  const fields = library.abi.kernels.find(({ name }) => name === kernel)?.fields ?? [];
  return Object.fromEntries(
    Object.entries(inputs).map(([name, data]) => {
      const element = fields.find((field) => field.name === name)?.element;
      const half = HALF_ELEMENTS.find((format) => format === element);
      return [name, half === undefined || data instanceof Int32Array ? data : bitsOfFloats(half, data)];
    }),
  );
}

const TABLE = [...ROUTING_CASES, ...VECTOR_ROUTING_CASES];

describe("routing kernels", () => {
  it("are all the kernels with an index tensor that keep no state, and those that pack weights", () => {
    const routing = proved.sources.kernels.filter(
      ({ params, computes }) =>
        computes?.endsWith("pack_panels") ||
        (params.some(({ kind, element }) => kind === "tensor" && element === "i32") &&
          !params.some((param) => param.kind === "tensor" && param.role === "inout")),
    );
    expect([...new Set(TABLE.map(({ kernel }) => kernel))].sort()).toEqual(routing.map(({ name }) => name).sort());
  });

  it("have experts with no token, with one, and with all", () => {
    const ways = ROUTING_CASES.filter(({ kernel, dims }) => kernel === "slot_experts" && dims["E"] !== 1);
    const groups = ways.flatMap(({ dims, outputs }) => {
      const owners = [...(outputs["expert"] ?? [])];
      return Array.from({ length: dims["E"] ?? 0 }, (_, e) => {
        const count = owners.filter((owner) => owner === e).length;
        return count > 1 && count === owners.length ? "all" : count;
      });
    });
    expect(groups).toEqual(expect.arrayContaining([0, 1, "all"]));
  });

  it.for(TABLE.map((one) => [routingName(one), one] as const))("%s on the CPU", ([, one], { skip }) => {
    skip(lacksUnit(one.kernel), `this CPU lacks ${MISSING.join(" and ")}`);
    const { kernel, dims, inputs, scalars = {}, outputs } = one;
    const results = blankOutputs(outputs);
    library.call(kernel, { tensors: { ...inMemory(kernel, inputs), ...results }, dims, scalars });
    expectResults(results, one);
  });

  const interpreted = TABLE.filter(({ dims }) => (dims["T"] ?? 0) <= 65);
  it.each(interpreted.map((one) => [routingName(one), one] as const))("%s in the interpreter", (_, one) => {
    const { kernel: name, dims, shapes, inputs, scalars = {}, outputs } = one;
    const kernel = proved.sources.kernels.find((candidate) => candidate.name === name);
    if (kernel === undefined) throw new Error(`no kernel ${name}`);
    const results = blankOutputs(outputs);
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
