/** Launchers: every condition is checked before anything runs, and its message names kernel, parameter, expected and actual. */

import { afterAll, describe, expect, it } from "vitest";
import { STATUSES } from "../../src/compiler/codegen/abi-constants.ts";
import { emitCpu } from "../../src/compiler/codegen/cpu.ts";
import { add, castToFloat, compare, dim, float, int as literal, mul, select, sub } from "../../src/ir/kernel/build.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { block, inGlobal, kernelOf, proved, store, tensor as tensorParam } from "./codegen-ir.ts";
import { linear, normalise } from "./codegen-kernels.ts";
import { forward, integers, one, refused, scale } from "./codegen-kernels-plain.ts";
import {
  addressOf,
  build,
  DTYPE,
  double,
  type Field,
  int,
  type TensorField,
  tensor,
  workspace,
} from "./codegen-library.ts";

/** y[n] = 0 over a grid of `blocks`, for conditions and grids that overflow or are negative. */
function sized(name: string, blocks: Expr, requires: readonly Expr[] = []): Kernel {
  return kernelOf({
    name,
    params: [tensorParam("y", "inout", "f32", [dim("N")])],
    dims: ["N", "M"],
    requires,
    grid: [literal(1), blocks],
    block: [64],
    body: [store(inGlobal("y"), [block(0)], float(0))],
  });
}

const [N, M] = [dim("N"), dim("M")];
const cubed = mul(mul(M, M), M);
const library = build(
  emitCpu({
    name: "launchers",
    kernels: [
      ...[linear, normalise, scale, integers, one].map((kernel) => proved(kernel)),
      proved({ ...scale, name: "scale_narrow" }, [32]),
      proved({ ...scale, name: "scale_wide" }, [64]),
      proved(sized("negative_grid", sub(N, literal(5)))),
      proved(sized("wide_grid", M)),
      proved(sized("overflowing_grid", add(cubed, literal(1)))),
      proved(sized("overflowing_condition", literal(1), [compare("ge", cubed, M)])),
      proved(
        sized("float_condition", literal(1), [
          compare("lt", castToFloat(mul(M, M)), select(compare("gt", N, literal(0)), float(100), float(10))),
        ]),
      ),
    ],
    plans: [forward, refused],
  }),
);
afterAll(library.close);

function expectFailure(
  answer: { readonly status: number; readonly message: string },
  status: string,
  ...parts: string[]
): void {
  expect({ status: STATUSES[answer.status]?.name, message: answer.message }).toEqual({
    status,
    message: answer.message,
  });
  for (const part of parts) expect(answer.message).toContain(part);
}

/** A tensor at an address that nothing is read from, for checks alone. */
function fake(address: bigint, elements: bigint, dtype: bigint = DTYPE.f32): TensorField {
  return { kind: "tensor", address, bytes: elements * 4n, dtype, owner: new Uint8Array(0) };
}

const hex = (address: bigint): string => `0x${address.toString(16)}`;

const [B, K, WIDTH] = [3, 4, 5];
const memory = new Float32Array(100);
const base = addressOf(memory);
const good = {
  x: fake(base, 12n),
  w: fake(base + 64n, 20n),
  bias: fake(base + 160n, 5n),
  y: fake(base + 192n, 15n),
  B: int(B),
  K: int(K),
  N: int(WIDTH),
};

function callLinear(change: Partial<Record<keyof typeof good, Field>>): ReturnType<typeof library.call> {
  memory.fill(7);
  const answer = library.call("linear", Object.values({ ...good, ...change }));
  if (answer.status !== 0) expect(memory.every((value) => value === 7)).toBe(true);
  return answer;
}

describe("a launcher refuses", () => {
  it("nothing, when all is well", () => {
    expect(callLinear({})).toEqual({ status: 0, message: "" });
    expect(memory.subarray(48, 63).every((value) => value === 4 * 49 + 7)).toBe(true);
  });

  it("null arguments", () => {
    expectFailure(library.call("linear", undefined), "TOK_NULL_ARGS", "linear", "null");
  });

  it("null data, but not of an empty tensor", () => {
    expectFailure(callLinear({ bias: fake(0n, 5n) }), "TOK_NULL_DATA", "linear", "bias", "20 bytes");
    expect(callLinear({ B: int(0), x: fake(0n, 0n), y: fake(0n, 0n) }).status).toBe(0);
  });

  it("another element type", () => {
    expectFailure(callLinear({ w: { ...good.w, dtype: DTYPE.i32 } }), "TOK_DTYPE", "linear", "w", "i32", "f32");
    expectFailure(callLinear({ w: { ...good.w, dtype: 77n } }), "TOK_DTYPE", "w", "77");
  });

  it("another length, longer or shorter", () => {
    expectFailure(callLinear({ x: fake(base, 11n) }), "TOK_BYTES", "linear", "x", "44", "48", "[B, K]");
    expectFailure(callLinear({ x: fake(base, 13n) }), "TOK_BYTES", "x", "52", "48");
  });

  it("an address that is not a multiple of the element's size", () => {
    expectFailure(
      callLinear({ w: fake(base + 66n, 20n) }),
      "TOK_ALIGNMENT",
      "linear",
      "w",
      hex(base + 66n),
      "a multiple of 4",
    );
  });

  it("overlap with what is written, down to one byte; inputs may alias", () => {
    expectFailure(callLinear({ y: fake(base + 44n, 15n) }), "TOK_OVERLAP", "linear", "x", "y");
    expect(callLinear({ y: fake(base + 180n, 15n) }).status).toBe(0);
    expectFailure(callLinear({ y: fake(base + 176n, 15n) }), "TOK_OVERLAP", "bias", "y");
    expect(callLinear({ bias: fake(base + 8n, 5n) }).status).toBe(0);
  });

  it("dimensions that are negative or too large", () => {
    expectFailure(callLinear({ K: int(-1) }), "TOK_DIM", "linear", "K", "-1");
    expectFailure(callLinear({ K: int(2n ** 40n + 1n) }), "TOK_DIM", "K", "1099511627777", "1099511627776");
  });

  it("more elements than memory can hold", () => {
    expectFailure(callLinear({ K: int(2n ** 40n), B: int(2n ** 20n) }), "TOK_SHAPE", "linear", "x", "[B, K]");
    expectFailure(callLinear({ K: int(2n ** 40n), B: int(2n ** 40n) }), "TOK_SHAPE", "x");
  });

  it("a dimension that is not what `where` says", () => {
    const fields = (t: number): readonly Field[] => [
      fake(base, 6n),
      fake(base + 64n, BigInt(t)),
      int(2),
      int(3),
      int(t),
      double(1),
    ];
    expect(library.call("scale", fields(6)).status).toBe(0);
    expectFailure(library.call("scale", fields(7)), "TOK_WHERE", "scale", "T", "7", "B * N", "6");
  });

  it("conditions that do not hold, or cannot be computed", () => {
    const rows = (n: number, epsilon: number): readonly Field[] => [
      fake(base, BigInt(n)),
      fake(base + 64n, BigInt(n)),
      ...[int(1), int(n), double(epsilon)],
    ];
    expect(library.call("normalise", rows(4, 1e-5)).status).toBe(0);
    expectFailure(library.call("normalise", rows(4, 0)), "TOK_REQUIRES", "normalise", "epsilon > f32(0)");
    expectFailure(library.call("normalise", rows(4, NaN)), "TOK_REQUIRES", "epsilon > f32(0)");
    // 1e-60 is 0 as an f32.
    expectFailure(library.call("normalise", rows(4, 1e-60)), "TOK_REQUIRES", "epsilon > f32(0)");
    expectFailure(library.call("normalise", rows(0, 1)), "TOK_REQUIRES", "N >= 1", "N = 0");
    const big = [fake(base, 1n), int(1), int(2n ** 40n)];
    expectFailure(library.call("overflowing_condition", big), "TOK_REQUIRES", "M * M * M >= M");
  });

  it.each([
    [1, 9, 0],
    [1, 10, 1],
    [0, 3, 0],
    [0, 4, 1],
  ])("conditions on floats made of sizes: N = %i, M = %i", (n, m, refused) => {
    const answer = library.call("float_condition", [fake(base, BigInt(n)), int(n), int(m)]);
    expect(STATUSES[answer.status]?.name).toBe(refused === 1 ? "TOK_REQUIRES" : "TOK_OK");
  });

  it("a condition whose premise cannot be computed, though its floats would satisfy it", () => {
    const answer = library.call("float_condition", [fake(base, 1n), int(1), int(2n ** 32n)]);
    expectFailure(answer, "TOK_REQUIRES", "f32(M * M)");
  });

  it("scalars that do not fit their type", () => {
    const fields = (d: bigint): readonly Field[] => [
      ...[
        tensor(Int32Array.of(1)),
        tensor(new Int32Array(1)),
        tensor(new Uint32Array(1)),
        tensor(new BigInt64Array(1)),
      ],
      ...[int(1), int(d), int(0)],
    ];
    expect(library.call("integers", fields(5n)).status).toBe(0);
    expectFailure(library.call("integers", fields(2n ** 31n)), "TOK_SCALAR", "integers", "d", "2147483648");
    expectFailure(library.call("integers", fields(0n)), "TOK_REQUIRES", "d >= 1");
    const factor = (value: number): readonly Field[] => [
      fake(base, 1n),
      fake(base + 64n, 1n),
      int(1),
      int(1),
      int(1),
      double(value),
    ];
    expectFailure(library.call("scale", factor(1e300)), "TOK_SCALAR", "scale", "factor", "1e+300");
    expect(library.call("scale", factor(Infinity)).status).toBe(0);
    expect(library.call("scale", factor(NaN)).status).toBe(0);
  });

  it("grids that are negative, too large, or cannot be computed", () => {
    const fields = (n: number, m: bigint): readonly Field[] => [fake(base, BigInt(n)), int(n), int(m)];
    expectFailure(library.call("negative_grid", fields(4, 0n)), "TOK_GRID", "negative_grid", "grid.y", "-1");
    expect(library.call("negative_grid", fields(5, 0n)).status).toBe(0);
    expect(library.prepare("wide_grid", fields(1, 65_535n)).status).toBe(0);
    expectFailure(library.call("wide_grid", fields(1, 65_536n)), "TOK_GRID", "wide_grid", "grid.y", "65536", "65535");
    expectFailure(library.call("overflowing_grid", fields(1, 2n ** 40n)), "TOK_GRID", "overflowing_grid", "grid.y");
    const threads = [
      fake(base, 2n ** 32n),
      fake(base + 2n ** 35n, 2n ** 32n),
      int(2n ** 32n),
      int(1),
      int(2n ** 32n),
      double(1),
    ];
    expectFailure(library.prepare("scale_wide", threads), "TOK_GRID", "grid.x", "4294967295");
  });
});

describe("prepare", () => {
  const scaled = (elements: bigint): readonly Field[] => [
    ...[fake(base, elements), fake(base + 2n ** 40n, elements)],
    ...[int(1), int(elements), int(elements), double(0.5)],
  ];

  it("packs the arguments as a kernel takes them", () => {
    const { status, launch } = library.prepare("scale", scaled(33n));
    expect(status).toBe(0);
    expect({ ...launch, args: undefined }).toEqual({
      symbol: "scale_i32",
      indexBits: 32,
      block: [32, 1, 1],
      grid: [2, 1, 1],
      sharedBytes: 0,
      args: undefined,
    });
    const view = new DataView(launch.args.buffer);
    expect(launch.args.length).toBe(32);
    expect([0, 8].map((offset) => view.getBigUint64(offset, true))).toEqual([base, base + 2n ** 40n]);
    expect([16, 20, 24].map((offset) => view.getInt32(offset, true))).toEqual([1, 33, 33]);
    expect(view.getFloat32(28, true)).toBe(0.5);
  });

  it("takes 64-bit indices from the first size at which 32 bits are not proved", () => {
    expect(library.prepare("scale", scaled(2n ** 30n)).launch.symbol).toBe("scale_i32");
    const wide = library.prepare("scale", scaled(2n ** 30n + 1n)).launch;
    expect([wide.symbol, wide.indexBits, wide.args.length]).toEqual(["scale_i64", 64, 48]);
    expect(new DataView(wide.args.buffer).getBigInt64(24, true)).toBe(2n ** 30n + 1n);
  });

  it("uses the one instance there is, and refuses what it does not serve", () => {
    expect(library.prepare("scale_wide", scaled(5n)).launch.symbol).toBe("scale_wide_i64");
    expect(library.prepare("scale_narrow", scaled(5n)).launch.symbol).toBe("scale_narrow_i32");
    const answer = library.prepare("scale_narrow", scaled(2n ** 30n + 1n));
    expectFailure(answer, "TOK_INDEX_WIDTH", "scale_narrow", "N", "1073741825", "1073741824");
  });

  it("takes 64-bit indices for an i64 scalar that 32 bits do not hold", () => {
    const fields = (offset: bigint): readonly Field[] => [
      ...[fake(base, 1n, DTYPE.i32), fake(base + 8n, 1n, DTYPE.i32), fake(base + 16n, 1n, DTYPE.u32)],
      ...[fake(base + 24n, 2n, DTYPE.i64), int(1), int(2), int(offset)],
    ];
    expect(library.prepare("integers", fields(2n ** 31n - 1n)).launch.symbol).toBe("integers_i32");
    expect(library.prepare("integers", fields(2n ** 31n)).launch.symbol).toBe("integers_i64");
    expect(library.prepare("integers", fields(-(2n ** 31n) - 1n)).launch.symbol).toBe("integers_i64");
  });

  it("accepts an empty grid, which the launcher does not launch", () => {
    const empty = [fake(0n, 0n), fake(0n, 0n), int(0), int(7), int(0), double(1)];
    const { status, launch } = library.prepare("scale", empty);
    expect([status, launch.grid]).toEqual([0, [0, 1, 1]]);
    expect(library.call("scale", empty).status).toBe(0);
  });
});

describe("a program refuses", () => {
  const rows = 3;
  const [x, w, bias, out] = [15, 35, 7, 42].map((length) => new Float32Array(length).fill(1));
  const room = workspace(Number(library.workspace("forward", rows)));
  const fields = [...[x, w, bias, out].flatMap((data) => (data === undefined ? [] : [tensor(data)])), room, int(rows)];
  /** The fields with one changed: an integer replaced, or parts of a tensor. */
  const changed = (at: number, change: bigint | Partial<TensorField>): readonly Field[] =>
    fields.map((old, i): Field => {
      if (i !== at) return old;
      if (typeof change === "bigint") return int(change);
      return old.kind === "tensor" ? { ...old, ...change } : old;
    });
  const callForward = (given: readonly Field[] | undefined): ReturnType<typeof library.call> => {
    out?.fill(7);
    const answer = library.call("forward", given);
    if (answer.status !== 0) expect(out?.every((value) => value === 7)).toBe(true);
    return answer;
  };

  it("nothing, when all is well", () => {
    expect(callForward(fields).status).toBe(0);
    expect(out?.some((value) => value === 7)).toBe(false);
  });

  it("parameters, by their names in the model", () => {
    expectFailure(callForward(undefined), "TOK_NULL_ARGS", "forward");
    expectFailure(callForward(changed(1, { bytes: 136n })), "TOK_BYTES", "forward", "layer.0.weight", "136", "140");
    expectFailure(callForward(changed(2, { dtype: 2n })), "TOK_DTYPE", "layer.0.bias", "i32", "f32");
    expectFailure(callForward(changed(0, { address: 0n })), "TOK_NULL_DATA", "forward", "x");
    expectFailure(callForward(changed(5, -1n)), "TOK_DIM", "forward", "B", "-1");
    const address = fields[0]?.kind === "tensor" ? fields[0].address : 0n;
    expectFailure(callForward(changed(0, { address: address + 1n })), "TOK_ALIGNMENT", "forward", "x");
    expectFailure(callForward(changed(3, { address })), "TOK_OVERLAP", "forward", "x", "out");
  });

  it("a workspace that is too small, misaligned, or not apart", () => {
    expectFailure(
      callForward(changed(4, { bytes: room.bytes - 1n })),
      "TOK_WORKSPACE",
      "forward",
      "workspace",
      "511",
      "512",
    );
    expectFailure(callForward(changed(4, { address: room.address + 64n })), "TOK_WORKSPACE", "workspace", "64", "256");
    expectFailure(callForward(changed(4, { address: 0n })), "TOK_NULL_DATA", "workspace");
    expectFailure(callForward(changed(3, { address: room.address })), "TOK_WORKSPACE", "workspace", "out");
    expectFailure(callForward(changed(0, { address: room.address + 256n })), "TOK_WORKSPACE", "workspace", "x");
  });

  it("a launch by its label, before any other launch has run", () => {
    const [first, second] = [new Float32Array(7).fill(7), new Float32Array(7).fill(7)];
    const given = [tensor(new Float32Array(7)), tensor(first), tensor(second), workspace(0), int(1)];
    expectFailure(
      library.call("refused", given),
      "TOK_REQUIRES",
      "refused at head.normalise",
      "normalise: requires epsilon > f32(0)",
    );
    expect([...first, ...second]).toEqual(new Array(14).fill(7));
  });
});
