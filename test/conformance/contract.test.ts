/**
 * One contract, two uses: what a proof assumes of a launch, the launcher checks.
 *
 * Each kernel's own contract is broken by one, in every place that it has: each dimension, `where`, conjunct of
 * `requires` at its boundary, condition on data, limit of sizes and of the grid, and each tensor's pointer, type,
 * length, address and place beside the others. What is expected comes from a model of contracts (contract-model.ts).
 * Addresses are made up where nothing is read, so that limits are met without allocating.
 */

import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { STATUSES } from "../../src/compiler/codegen/abi-constants.ts";
import { emitCpu } from "../../src/compiler/codegen/cpu.ts";
import { dataCheck } from "../../src/compiler/data-check.ts";
import { readSources } from "../../src/compiler/prove.ts";
import { ELEMENT_BYTES, SIZE_LIMITS } from "../../src/ir/kernel/limits.ts";
import { printExpr } from "../../src/ir/kernel/print.ts";
import type { Kernel, TensorParam } from "../../src/ir/kernel/types.ts";
import { visitStmts } from "../../src/ir/kernel/walk.ts";
import { renderDiagnostics } from "../../src/support/diagnostic.ts";
import { bitsOfNearest } from "../../src/support/half-formats.ts";
import { proved } from "../unit/codegen-ir.ts";
import { normalise } from "../unit/codegen-kernels.ts";
import { counted, sorted } from "../unit/codegen-kernels-data.ts";
import { exchange, histogram } from "../unit/codegen-kernels-memory.ts";
import { integers, scale } from "../unit/codegen-kernels-plain.ts";
import {
  type Answer,
  build,
  DTYPE,
  double,
  type Field,
  int,
  type TensorField,
  type TypedArray,
  tensor,
} from "../unit/codegen-library.ts";
import { everyForm } from "./contract-kernels.ts";
import {
  type Assignment,
  type Contents,
  conjunctsOf,
  elementsOf,
  expected,
  isNarrow,
  tensorsOf,
  textOf,
} from "./contract-model.ts";
import { IMPLIED, widthsOf } from "./contract-proofs.ts";
import { allowed, boundaries, brokenData, complete } from "./contract-search.ts";

const sources = await readSources({ inputs: ["kernels"], cwd: join(import.meta.dirname, "../.."), config: undefined });
if (sources.diagnostics.length > 0) throw new Error(renderDiagnostics(sources.diagnostics, sources.lookup));

/** `sorted` without its last condition, which follows from the others, so that no data breaks it alone. */
const ordered: Kernel = { ...sorted, dataRequires: sorted.dataRequires.slice(0, -1) };
const narrow: Kernel = { ...scale, name: "scale_narrow", indexWidth: "i32" };
const fromBrainFloats: Kernel = {
  ...scale,
  name: "scale_bf16",
  params: scale.params.map((param) =>
    param.kind === "tensor" && param.role === "input" ? { ...param, element: "bf16" } : param,
  ),
};
const written = [
  ...sources.kernels,
  everyForm,
  scale,
  narrow,
  fromBrainFloats,
  integers,
  normalise,
  histogram,
  exchange(2),
  exchange(8),
  ordered,
  counted,
];
const kernels = [...written, ...written.flatMap((kernel) => dataCheck(kernel)?.kernel ?? [])];

// What a launcher refuses does not depend on a proof, so that no proof is made here.
const certificates = kernels.map((kernel) => proved(kernel, widthsOf(kernel, written)));
const library = build(emitCpu({ name: "contracts", kernels: certificates, plans: [] }), ["-O0"]);
afterAll(library.close);

const FIRST_ADDRESS = 2n ** 32n;
const SPACING = 4096n;

const multiple = (value: bigint, unit: bigint): bigint => ((value + unit - 1n) / unit) * unit;

/** Tensors of the right lengths at made-up addresses, apart from each other. */
function tensorFields(kernel: Kernel, assignment: Assignment): ReadonlyMap<string, TensorField> {
  let next = FIRST_ADDRESS;
  return new Map(
    tensorsOf(kernel).map((param) => {
      const elements = elementsOf(param, assignment);
      const bytes = (elements > 0n ? elements : 0n) * ELEMENT_BYTES[param.element];
      const address = next;
      next = multiple(next + bytes + SPACING, SPACING);
      return [param.name, { kind: "tensor", address, bytes, dtype: DTYPE[param.element], owner: new Uint8Array(0) }];
    }),
  );
}

/** The struct: tensors, then dimensions, then scalars, each in the order of the source. */
function fieldsOf(
  kernel: Kernel,
  { dims, scalars }: Assignment,
  tensors: ReadonlyMap<string, TensorField>,
): readonly Field[] {
  const field = ({ name }: TensorParam): Field => {
    const found = tensors.get(name);
    if (found === undefined) throw new Error(`no tensor ${name}`);
    return found;
  };
  return [
    ...tensorsOf(kernel).map(field),
    ...kernel.dims.map((name) => int(dims[name] ?? -1n)),
    ...kernel.params.flatMap((param) => {
      if (param.kind !== "scalar") return [];
      const value = scalars[param.name] ?? 0n;
      return [param.element === "f32" ? double(Number(value)) : int(value)];
    }),
  ];
}

function prepare(kernel: Kernel, assignment: Assignment, tensors = tensorFields(kernel, assignment)) {
  return library.prepare(kernel.name, fieldsOf(kernel, assignment, tensors));
}

interface Seen {
  readonly status: string | undefined;
  readonly message: string;
}

function seen({ status, message }: Answer): Seen {
  return { status: STATUSES[status]?.name, message };
}

/** The status, and that the message starts with the kernel's name and has each of the others. */
function expectRefusal(answer: Answer, kernel: Kernel, status: string, names: readonly string[]): void {
  const { message } = answer;
  expect(seen(answer)).toEqual({ status, message });
  expect(message.startsWith(`${kernel.name}: `), message).toBe(true);
  for (const name of names) expect(message).toContain(name);
}

/** What the model expects of these sizes, and what the launcher says. */
function expectModel(kernel: Kernel, assignment: Assignment): void {
  const answer = prepare(kernel, assignment);
  const wanted = expected(kernel, assignment);
  if (wanted === undefined) expect([assignment, seen(answer)]).toEqual([assignment, { status: "TOK_OK", message: "" }]);
  else expectRefusal(answer, kernel, wanted.status, wanted.names);
}

const sizes = new Map(kernels.map((kernel) => [kernel, allowed(kernel)]));

/** The smallest sizes at which every tensor has two elements or more, where there are such. */
function sample(kernel: Kernel): Assignment {
  const all = sizes.get(kernel) ?? [];
  const roomy = all.find((assignment) => tensorsOf(kernel).every((param) => elementsOf(param, assignment) >= 2n));
  const found = roomy ?? all[0];
  if (found === undefined) throw new Error(`the search finds no sizes that ${kernel.name} allows`);
  return found;
}

const withDim = ({ dims, scalars }: Assignment, name: string, size: bigint): Assignment => ({
  dims: { ...dims, [name]: size },
  scalars,
});

/** What the address must be a multiple of: the widest access of the parameter, in bytes, up to 16. */
function alignmentOf(kernel: Kernel, { name, element }: TensorParam): bigint {
  let bytes: bigint = ELEMENT_BYTES[element];
  visitStmts(kernel.body, (stmt) => {
    if (stmt.kind !== "vector" || stmt.array.name !== name) return;
    const wide = stmt.lanes * ELEMENT_BYTES[element];
    if (wide > bytes) bytes = wide;
  });
  return bytes < 16n ? bytes : 16n;
}

describe.each(kernels.map((kernel) => [kernel.name, kernel] as const))("%s", (_, kernel) => {
  const right = sample(kernel);
  const tensors = tensorsOf(kernel);
  const good = tensorFields(kernel, right);
  const changed = (param: TensorParam, change: (field: TensorField) => Partial<TensorField>) => {
    const field = good.get(param.name);
    if (field === undefined) throw new Error(`no tensor ${param.name}`);
    return prepare(kernel, right, new Map(good).set(param.name, { ...field, ...change(field) }));
  };

  it("is launched when all is well", () => {
    expect(seen(prepare(kernel, right))).toEqual({ status: "TOK_OK", message: "" });
  });

  it("has its dimensions agree with every tensor, each off by one", () => {
    for (const name of kernel.dims) {
      for (const size of [(right.dims[name] ?? 0n) + 1n, (right.dims[name] ?? 0n) - 1n]) {
        const other = withDim(right, name, size);
        const wanted = expected(kernel, other);
        const lengths = tensors.filter((param) => elementsOf(param, other) !== elementsOf(param, right));
        // A dimension that no tensor has may be anything that the contract allows.
        if (wanted === undefined && lengths.length === 0) continue;
        const [first] = lengths;
        const status = wanted !== undefined && wanted.status !== "TOK_GRID" ? wanted.status : "TOK_BYTES";
        const names = status === "TOK_BYTES" ? [first?.name ?? "", `${name} = ${size}`] : (wanted?.names ?? []);
        expectRefusal(prepare(kernel, other, good), kernel, status, names);
      }
    }
  });

  it("limits every dimension, and every tensor's elements", () => {
    const { maxDim } = SIZE_LIMITS[64];
    for (const name of kernel.dims) {
      for (const size of [-1n, -(2n ** 63n), maxDim + 1n, 2n ** 63n - 1n]) {
        expectRefusal(prepare(kernel, withDim(right, name, size), good), kernel, "TOK_DIM", [name, `${size}`]);
      }
      for (const size of [2n ** 20n, 2n ** 26n, 2n ** 30n, 2n ** 33n, maxDim]) {
        expectModel(kernel, complete(kernel, withDim(right, name, size)));
      }
    }
    const largest = { dims: Object.fromEntries(kernel.dims.map((name) => [name, maxDim])), scalars: right.scalars };
    expectModel(kernel, largest);
  });

  it("has a 32-bit instance for the sizes that it is proved for, and no others", () => {
    const { maxDim } = SIZE_LIMITS[32];
    for (const name of kernel.dims) {
      for (const size of [maxDim - 1n, maxDim, maxDim + 1n, 2n ** 31n, 2n ** 32n]) {
        const other = complete(kernel, withDim(right, name, size));
        expectModel(kernel, other);
        if (expected(kernel, other) !== undefined) continue;
        const bits = widthsOf(kernel, written).includes(32) && isNarrow(kernel, other) ? 32 : 64;
        expect([name, size, prepare(kernel, other).launch.indexBits]).toEqual([name, size, bits]);
      }
    }
  });

  it("has each dimension be what `where` says", () => {
    for (const { dim, value } of kernel.where) {
      // Below 0 there are no dimensions, which is refused before.
      for (const size of [-1n, 1n].map((step) => (right.dims[dim] ?? 0n) + step).filter((size) => size >= 0n)) {
        expectRefusal(prepare(kernel, withDim(right, dim, size)), kernel, "TOK_WHERE", [
          dim,
          printExpr(value),
          `${size}`,
        ]);
      }
    }
  });

  it("requires each part of each condition, up to its boundary", () => {
    const found = boundaries(kernel);
    const missing = conjunctsOf(kernel).filter((_part, ordinal) => !found.some(({ conjunct }) => conjunct === ordinal));
    expect(missing.map(({ part }) => `no step of one breaks ${printExpr(part)}`)).toEqual([]);
    for (const { inside, outside, expected: wanted } of found) {
      expect([inside, seen(prepare(kernel, inside))]).toEqual([inside, { status: "TOK_OK", message: "" }]);
      expectRefusal(prepare(kernel, outside), kernel, "TOK_REQUIRES", wanted.names);
    }
  });

  it("takes scalars that fit their types", () => {
    for (const param of kernel.params) {
      if (param.kind !== "scalar") continue;
      const values = { i32: [2n ** 31n, -(2n ** 31n) - 1n, 2n ** 31n - 1n], i64: [], f32: [1e300, -1e300, 3e38] };
      for (const value of values[param.element]) {
        const other = complete(kernel, { ...right, scalars: { ...right.scalars, [param.name]: value } });
        expectModel(kernel, other);
      }
    }
  });

  it("needs every pointer, of the right type and to the right length", () => {
    for (const param of tensors) {
      const { name, element } = param;
      expectRefusal(
        changed(param, () => ({ address: 0n })),
        kernel,
        "TOK_NULL_DATA",
        [name],
      );
      for (const dtype of [...Object.values(DTYPE), 0n, 99n].filter((value) => value !== DTYPE[element])) {
        expectRefusal(
          changed(param, () => ({ dtype })),
          kernel,
          "TOK_DTYPE",
          [name, element],
        );
      }
      for (const off of [-ELEMENT_BYTES[element], -1n, 1n, ELEMENT_BYTES[element]]) {
        const answer = changed(param, ({ bytes }) => ({ bytes: bytes + off }));
        expectRefusal(answer, kernel, "TOK_BYTES", [name, `${(good.get(name)?.bytes ?? 0n) + off} bytes`]);
      }
    }
  });

  it("needs every address to be a multiple of what the kernel moves at once", () => {
    for (const param of tensors) {
      const needed = alignmentOf(kernel, param);
      for (let past = 1n; past <= 16n; past++) {
        const answer = changed(param, ({ address }) => ({ address: address + past }));
        if (past % needed === 0n) {
          expect([param.name, past, seen(answer)]).toEqual([param.name, past, { status: "TOK_OK", message: "" }]);
          continue;
        }
        const address = `0x${((good.get(param.name)?.address ?? 0n) + past).toString(16)}`;
        const names = [`the address of ${param.name} is ${address}, expected a multiple of ${needed} bytes`];
        expectRefusal(answer, kernel, "TOK_ALIGNMENT", names);
      }
    }
  });

  it("needs what it writes to be apart from all else, down to one element", () => {
    for (const [position, a] of tensors.entries()) {
      for (const b of tensors.slice(position + 1)) {
        const field = good.get(a.name);
        if (field === undefined) throw new Error(`no tensor ${a.name}`);
        const unit = alignmentOf(kernel, b);
        const last = ((field.address + field.bytes - 1n) / unit) * unit;
        const touching = changed(b, () => ({ address: last }));
        const isWritten = a.role !== "input" || b.role !== "input";
        if (isWritten) expectRefusal(touching, kernel, "TOK_OVERLAP", [a.name, b.name]);
        else expect([a.name, b.name, seen(touching)]).toEqual([a.name, b.name, { status: "TOK_OK", message: "" }]);
        const apart = changed(b, () => ({ address: multiple(field.address + field.bytes, unit) }));
        expect([a.name, b.name, seen(apart)]).toEqual([a.name, b.name, { status: "TOK_OK", message: "" }]);
      }
    }
  });

  it("refuses what breaks its grid, axis by axis", () => {
    for (const name of kernel.dims) {
      for (let size = 1n; size <= SIZE_LIMITS[64].maxDim; size *= 2n) {
        const other = complete(kernel, withDim(right, name, size));
        if (expected(kernel, other)?.status === "TOK_GRID") expectModel(kernel, other);
      }
    }
  });

  it("refuses data that breaks a condition by one element, with the first index, and computes nothing", () => {
    const found = brokenData(kernel, sizes.get(kernel) ?? []);
    const missing = kernel.dataRequires.filter((_condition, ordinal) => !found.some((one) => one.ordinal === ordinal));
    expect(missing.map(textOf).sort()).toEqual([...(IMPLIED[kernel.name] ?? [])].sort());
    for (const { ordinal, assignment, right: holds, wrong, first } of found) {
      const condition = kernel.dataRequires[ordinal];
      if (condition === undefined) throw new Error(`no condition ${ordinal}`);
      expect(seen(callWith(kernel, assignment, holds).answer)).toEqual({ status: "TOK_OK", message: "" });
      const { answer, untouched } = callWith(kernel, assignment, wrong);
      const [variable] = condition.variables;
      const where = variable === undefined ? "" : ` at ${variable.name} = ${first}`;
      expect(seen(answer)).toEqual({
        status: "TOK_REQUIRES",
        message: `${kernel.name}: requires ${textOf(condition)}, which does not hold${where}`,
      });
      expect(untouched).toBe(true);
    }
  });
});

/** A call on real memory: integer tensors have these contents, others are 0.5. */
function callWith(kernel: Kernel, assignment: Assignment, contents: Contents) {
  const arrays = tensorsOf(kernel).map((param): readonly [string, TypedArray] => {
    const values = contents[param.name] ?? [];
    switch (param.element) {
      case "f32":
        return [param.name, new Float32Array(Number(elementsOf(param, assignment))).fill(0.5)];
      case "f16":
      case "bf16":
        return [
          param.name,
          new Uint16Array(Number(elementsOf(param, assignment))).fill(bitsOfNearest(param.element, 0.5)),
        ];
      case "i32":
        return [param.name, Int32Array.from(values, Number)];
      case "u32":
        return [param.name, Uint32Array.from(values, Number)];
      case "i64":
        return [param.name, BigInt64Array.from(values)];
      default:
        throw new Error(param.element satisfies never);
    }
  });
  const before = arrays.map(([, data]) => data.slice());
  const dtypes = new Map(tensorsOf(kernel).map(({ name, element }) => [name, DTYPE[element]]));
  const fields = new Map(
    arrays.map(([name, data]): [string, TensorField] => {
      const field = tensor(data);
      return [name, { ...field, dtype: dtypes.get(name) ?? field.dtype }];
    }),
  );
  const answer = library.call(kernel.name, fieldsOf(kernel, assignment, fields));
  const untouched = arrays.every(([, data], i) => data.every((value, at) => Object.is(value, before[i]?.[at])));
  return { answer, untouched };
}

describe("the kernels of this test", () => {
  it("are all of kernels/, and have every form of a contract", () => {
    expect(kernels).toEqual(expect.arrayContaining([...sources.kernels]));
    expect(kernels.some(({ where }) => where.length > 1)).toBe(true);
    expect(kernels.some(({ dataRequires }) => dataRequires.length > 3)).toBe(true);
    const wide = (kernel: Kernel): boolean => tensorsOf(kernel).some((param) => alignmentOf(kernel, param) > 8n);
    expect(kernels.some(wide)).toBe(true);
    expect(new Set(kernels.flatMap(tensorsOf).map(({ element }) => element))).toEqual(
      new Set(["f32", "f16", "bf16", "i32", "u32", "i64"]),
    );
  });
});
