/** The arguments of a call: every element type is passed as it is, and a mistake in a name or a value is told with its fix. */

import { describe, expect, it } from "vitest";
import { describeAbi } from "../../src/compiler/codegen/abi.ts";
import { type Abi, type AbiFunction, parseAbi } from "../../src/runtime/abi.ts";
import {
  type CallArguments,
  LaunchError,
  nearest,
  packArguments,
  packDims,
  packStruct,
} from "../../src/runtime/cpu/arguments.ts";
import { proved } from "./codegen-ir.ts";
import { linear, normalise } from "./codegen-kernels.ts";
import { forward, integers, scale } from "./codegen-kernels-plain.ts";

const kernels = [integers, scale, linear, normalise].map((kernel) => proved(kernel));
const parsed = parseAbi(JSON.parse(JSON.stringify(describeAbi({ name: "tests", kernels, plans: [forward] }))));
if (!parsed.ok) throw new Error(parsed.diagnostics.map(({ message }) => message).join());
const abi: Abi = parsed.value;

function functionOf(name: string): AbiFunction {
  const found = [...abi.kernels, ...abi.programs].find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no function ${name}`);
  return found;
}

const N = 3;
const right: CallArguments = {
  tensors: {
    x: Int32Array.of(1, 2, 3),
    a: new Int32Array(N),
    r: new Uint32Array(N),
    big: new BigInt64Array(N),
  },
  dims: { N },
  scalars: { d: 5, offset: 2n ** 62n },
};
const pack = (args: CallArguments, name = "integers"): unknown => packArguments(functionOf(name), abi, args, undefined);

describe("arguments", () => {
  it("of every element type are passed as they are, without a copy", () => {
    const { i32, u32, i64 } = abi.dtypes;
    expect(pack(right)).toEqual({
      x: { data: right.tensors["x"], bytes: 12, dtype: i32 },
      a: { data: right.tensors["a"], bytes: 12, dtype: i32 },
      r: { data: right.tensors["r"], bytes: 12, dtype: u32 },
      big: { data: right.tensors["big"], bytes: 24, dtype: i64 },
      N: 3n,
      d: 5n,
      offset: 2n ** 62n,
    });
    expect(pack({ ...right, tensors: { ...right.tensors, x: new Int32Array(0) } })).toMatchObject({
      x: { data: null, bytes: 0, dtype: i32 },
    });
  });

  it.each([
    ["a missing tensor", { tensors: { x: right.tensors["x"] } }, "integers: the tensor a is missing; pass tensors.a"],
    ["a missing dimension", { dims: {} }, "integers: the dimension N is missing; pass dims.N"],
    ["a missing scalar", { scalars: { d: 5 } }, "integers: the scalar offset is missing; pass scalars.offset"],
    ["no scalars", { scalars: undefined }, "integers: the scalar d is missing; pass scalars.d"],
    [
      "a misspelt tensor",
      { tensors: { ...right.tensors, bigg: right.tensors["big"], big: undefined } },
      "integers has no tensor bigg; it takes x, a, r, big",
    ],
    ["a misspelt scalar", { scalars: { d: 5, ofset: 1 } }, "integers has no scalar ofset; did you mean offset?"],
    ["a dimension in the wrong case", { dims: { n: 3 } }, "integers has no dimension n; did you mean N?"],
    ["a name of nothing", { dims: { N, height: 2 } }, "integers has no dimension height; it takes N"],
    [
      "an array of numbers",
      { tensors: { ...right.tensors, x: [1, 2, 3] } },
      "integers: the tensor x is of type Array; pass a Float32Array, Uint16Array (bits of f16 or bf16), Int32Array, Uint32Array or BigInt64Array",
    ],
    [
      "bytes",
      { tensors: { ...right.tensors, x: new Uint8Array(12) } },
      "integers: the tensor x is of type Uint8Array; pass a Float32Array, Uint16Array (bits of f16 or bf16), Int32Array, Uint32Array or BigInt64Array",
    ],
    ["text for a dimension", { dims: { N: "3" } }, "integers: the dimension N is of type string; pass an integer"],
    [
      "undefined for a scalar",
      { scalars: { d: undefined, offset: 1 } },
      "integers: the scalar d is undefined; pass an integer",
    ],
  ])("with %s are a TypeError", (_, change, message) => {
    // JavaScript callers pass what TypeScript would refuse.
    const args: CallArguments = Object.assign({}, right, change);
    expect(() => pack(args)).toThrow(new TypeError(message));
  });

  it.each([
    ["a fractional dimension", { dims: { N: 2.5 } }, "TOK_DIM", "the dimension N is 2.5, expected an integer"],
    [
      "a dimension that is no number",
      { dims: { N: Number.NaN } },
      "TOK_DIM",
      "the dimension N is NaN, expected an integer",
    ],
    [
      "a dimension beyond 64 bits",
      { dims: { N: 2n ** 63n } },
      "TOK_DIM",
      "the dimension N is 9223372036854775808, expected a 64-bit integer",
    ],
    [
      "a fractional integer",
      { scalars: { d: 0.5, offset: 1 } },
      "TOK_SCALAR",
      "the scalar d is 0.5, expected an integer",
    ],
    [
      "an integer beyond 64 bits",
      { scalars: { d: 5, offset: -(2n ** 63n) - 1n } },
      "TOK_SCALAR",
      "the scalar offset is -9223372036854775809, expected a 64-bit integer",
    ],
  ])("with %s are a LaunchError", (_, change, status, message) => {
    const args: CallArguments = { ...right, ...change };
    expect(() => pack(args)).toThrow(LaunchError);
    expect(() => pack(args)).toThrow(expect.objectContaining({ status, message: `integers: ${message}` }));
  });

  it("without scalars need no record of them, and refuse one too many", () => {
    const [x, w, bias, y] = [1, 1, 1, 1].map((length) => new Float32Array(length));
    if (!x || !w || !bias || !y) throw new Error("four tensors");
    const args = { tensors: { x, w, bias, y }, dims: { B: 1, K: 1, N: 1 } };
    expect(pack(args, "linear")).toMatchObject({ B: 1n, K: 1n, N: 1n });
    const message = "linear has no scalar epsilon; it takes no scalars";
    expect(() => pack({ ...args, scalars: { epsilon: 1 } }, "linear")).toThrow(new TypeError(message));
  });

  it("of floats take integers too", () => {
    const [x, y] = [new Float32Array(1), new Float32Array(1)];
    const dims = { B: 1, N: 1, T: 1 };
    expect(pack({ tensors: { x, y }, dims, scalars: { factor: 2n } }, "scale")).toMatchObject({ factor: 2 });
  });

  it("of a program are found by the names of the model", () => {
    const tensors = { x: new Float32Array(5), "layer.0.weigth": new Float32Array(35) };
    const call = (): unknown => pack({ tensors, dims: { B: 1 } }, "forward");
    expect(call).toThrow(new TypeError("forward has no tensor layer.0.weigth; did you mean layer.0.weight?"));
    expect(packDims(functionOf("forward"), { B: 7 })).toEqual([7n]);
    expect(() => packDims(functionOf("forward"), {})).toThrow(/the dimension B is missing; pass dims\.B/);
    expect(() => packDims(functionOf("forward"), { B: 1.5 })).toThrow(/B is 1\.5/);
  });
});

describe("the nearest name", () => {
  it.each([
    ["bais", "bias"],
    ["x", undefined],
    ["GAMMA", "gamma"],
    ["weights", "weight"],
    ["momentum", undefined],
  ])("to %s is %s", (name, expected) => {
    expect(nearest(name, ["bias", "gamma", "beta", "weight", "yy"])).toBe(expected);
  });
});

describe("the struct of a call", () => {
  it("has three words for a tensor, one for everything else, in the order of the fields", () => {
    const description = functionOf("normalise");
    const x = Float32Array.of(1, 2, 3);
    const empty = new Float32Array(0);
    const args = { tensors: { x, y: empty }, dims: { B: -1, N: 3 }, scalars: { epsilon: 0.5 } };
    const packed = packArguments(description, abi, args, undefined);
    const words = packStruct(description, packed, (data) => (data === x ? 4096n : 8192n));
    const half = new BigUint64Array(Float64Array.of(0.5).buffer)[0];
    const { f32 } = abi.dtypes;
    expect([...words]).toEqual([4096n, 12n, BigInt(f32), 0n, 0n, BigInt(f32), 2n ** 64n - 1n, 3n, half]);
  });
});
