import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import * as moe from "../../models/moe.ts";
import {
  compareTensors,
  encodeSafetensors,
  f32Tensor,
  f32Values,
  readSafetensors,
  type StoredTensor,
  type TensorSpec,
} from "../../src/data/safetensors.ts";
import { buildModel } from "../../src/ir/tensor/model.ts";
import { MOE_SIZES } from "../../src/moe/sizes.ts";
import { hasPython, runPython } from "./python.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "file.safetensors");

/** A file with this header, which need not be JSON, and so many bytes of data. */
function withHeader(header: string | Buffer, data = 0, length?: bigint): string {
  const json = Buffer.from(header);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length ?? BigInt(json.length));
  writeFileSync(path, Buffer.concat([size, json, Buffer.alloc(data)]));
  return path;
}

const codesOf = (file: string): readonly string[] => {
  const read = readSafetensors(file);
  return read.ok ? [] : read.diagnostics.map(({ code }) => code);
};

const tensor = (begin: number, end: number, shape: readonly number[], dtype = "F32"): unknown => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const sample: readonly StoredTensor[] = [
  f32Tensor("z", [2, 3], Float32Array.of(1, -0, Number.POSITIVE_INFINITY, 1e-45, 3.5, -7)),
  f32Tensor("10", [1], Float32Array.of(2)),
  f32Tensor("2", [], Float32Array.of(9)),
  { name: "raw", dtype: "BF16", shape: [3], bytes: Uint8Array.of(1, 2, 3, 4, 5, 6) },
  f32Tensor("none", [0, 4], new Float32Array(0)),
  { name: "ünï", dtype: "I64", shape: [1], bytes: Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255) },
];
const metadata = new Map([
  ["step", "12"],
  ["text", 'a "b"\n'],
]);

describe("a written file", () => {
  it("is read back in order, bit by bit, and its data begin at a multiple of 8", () => {
    writeFileSync(path, Buffer.concat(encodeSafetensors(sample, metadata)));
    const read = readSafetensors(path);
    if (!read.ok) throw new Error(read.diagnostics[0]?.message);
    expect(read.value.tensors.map((one) => ({ ...one, bytes: [...one.bytes] }))).toEqual(
      sample.map((one) => ({ ...one, bytes: [...one.bytes] })),
    );
    expect(read.value.metadata).toEqual(metadata);
    expect(readFileSync(path).readBigUInt64LE(0) % 8n).toBe(0n);
  });

  it("is refused at every length that is shorter, and when it is longer", () => {
    const whole = Buffer.concat(encodeSafetensors(sample, metadata));
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      expect(codesOf(path), `${length} bytes`).toHaveLength(1);
    }
    writeFileSync(path, Buffer.concat([whole, Buffer.alloc(1)]));
    expect(codesOf(path)).toEqual(["TK573"]);
  });

  it("gives f32 values of f32 tensors alone", () => {
    const [first, , , raw] = sample;
    if (first === undefined || raw === undefined) throw new Error("the sample is shorter");
    expect(f32Values(first, path)).toEqual({ ok: true, value: Float32Array.of(1, -0, Infinity, 1e-45, 3.5, -7) });
    expect(f32Values(raw, path)).toMatchObject({ ok: false, diagnostics: [{ code: "TK574" }] });
  });

  it("cannot be made of two tensors of a name, or of bytes that are not those of the shape", () => {
    const one = f32Tensor("a", [1], Float32Array.of(1));
    expect(() => encodeSafetensors([one, one], new Map())).toThrow("cannot be stored");
    expect(() => encodeSafetensors([{ ...one, shape: [2] }], new Map())).toThrow("4 bytes");
    expect(() => encodeSafetensors([{ ...one, name: "__metadata__" }], new Map())).toThrow("cannot be stored");
  });
});

describe("a bad file", () => {
  const json = (value: unknown): string => JSON.stringify(value);
  it.each<[string, string, () => string]>([
    ["is absent", "TK570", () => join(folder, "absent")],
    ["is a folder", "TK570", () => folder],
    ["has a header longer than itself", "TK571", () => withHeader("{}", 0, 3n)],
    ["has a header of more than 100 MB", "TK571", () => withHeader("{}", 0, 100_000_001n)],
    ["has a header of 2⁶⁴ − 1 bytes", "TK571", () => withHeader("{}", 0, 2n ** 64n - 1n)],
    ["has a header that is no JSON", "TK572", () => withHeader('{"a":')],
    ["has a header that is a list", "TK572", () => withHeader("[]")],
    ["has a header that is not UTF-8", "TK572", () => withHeader(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))],
    ["is nested deeply", "TK572", () => withHeader(`{"a":${"[".repeat(1_000_000)}`)],
    [
      "names a tensor twice",
      "TK572",
      () => withHeader(`{"a":${json(tensor(0, 4, [1]))},"a":${json(tensor(0, 4, [1]))}}`, 4),
    ],
    ["has metadata that are no texts", "TK572", () => withHeader(json({ __metadata__: { step: 1 } }))],
    ["has a negative size", "TK572", () => withHeader(json({ a: tensor(0, 4, [-1]) }), 4)],
    ["has a broken size", "TK572", () => withHeader(json({ a: tensor(0, 4, [0.5]) }), 4)],
    [
      "has an unsafe size",
      "TK572",
      () => withHeader('{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}', 4),
    ],
    [
      "has an unknown key",
      "TK572",
      () => withHeader('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"b":1}}', 4),
    ],
    ["has overlapping tensors", "TK573", () => withHeader(json({ a: tensor(0, 8, [2]), b: tensor(4, 12, [2]) }), 12)],
    ["has a hole", "TK573", () => withHeader(json({ a: tensor(0, 4, [1]), b: tensor(8, 12, [1]) }), 12)],
    ["has a hole at its start", "TK573", () => withHeader(json({ a: tensor(4, 8, [1]) }), 8)],
    ["has data outside", "TK573", () => withHeader(json({ a: tensor(0, 8, [2]) }), 4)],
    ["has an end before the begin", "TK573", () => withHeader(json({ a: tensor(4, 0, [1]) }), 4)],
    ["has an unknown dtype", "TK574", () => withHeader(json({ a: tensor(0, 4, [1], "F31") }), 4)],
    [
      "has a dtype that is a property of every object",
      "TK574",
      () => withHeader(json({ a: tensor(0, 4, [1], "toString") }), 4),
    ],
    ["has another length than its shape", "TK575", () => withHeader(json({ a: tensor(0, 4, [2]) }), 4)],
    ["has sizes whose product is unsafe", "TK575", () => withHeader(json({ a: tensor(0, 4, [2 ** 40, 2 ** 40]) }), 4)],
  ])("that %s is refused with %s", (_, code, make) => {
    expect(codesOf(make())).toEqual([code]);
  });
});

/** The state_dict of PyTorch: parameters in the order of registration; Linear and LayerNorm register weight, then bias. */
type Parameters = readonly (readonly [name: string, shape: readonly number[]])[];
const STATE_DICT = {
  Linear: (inputs: number, outputs: number): Parameters => [
    ["weight", [outputs, inputs]],
    ["bias", [outputs]],
  ],
  LayerNorm: (width: number): Parameters => [
    ["weight", [width]],
    ["bias", [width]],
  ],
};

describe("the model's weights", () => {
  const { inputs, hidden, depth, experts, outcomes, actions } = MOE_SIZES.nano;
  const program = buildModel(moe, MOE_SIZES.nano);
  if (!program.ok) throw new Error(program.diagnostics[0]?.message);
  const specs = program.value.weights.map(({ name, shape }) => ({
    name,
    dtype: "F32" as const,
    shape: shape.map(Number),
  }));

  it("have PyTorch's names, order and layout", () => {
    const named = (prefix: string, parameters: Parameters) =>
      parameters.map(([name, shape]) => ({ name: `${prefix}.${name}`, dtype: "F32", shape }));
    const expected = [...named("router", STATE_DICT.Linear(inputs, experts))];
    for (let e = 0; e < experts; e++) {
      for (let i = 0; i <= depth; i++) {
        expected.push(...named(`experts.${e}.${3 * i}`, STATE_DICT.Linear(i === 0 ? inputs : hidden, hidden)));
        expected.push(...named(`experts.${e}.${3 * i + 1}`, STATE_DICT.LayerNorm(hidden)));
      }
      expected.push(...named(`experts.${e}.${3 * (depth + 1)}`, STATE_DICT.Linear(hidden, outcomes + actions)));
    }
    expect(specs).toEqual(expected);
  });

  it("are compared by name, shape and dtype", () => {
    expect(compareTensors(specs, [...specs].reverse(), path)).toEqual([]);
    const changed = specs.flatMap((spec): TensorSpec[] => {
      if (spec.name === "router.bias") return [];
      if (spec.name === "router.weight") return [{ ...spec, shape: [...spec.shape].reverse() }];
      return spec.name === "experts.0.0.bias" ? [{ ...spec, dtype: "F16" }] : [spec];
    });
    const messages = compareTensors(specs, [...changed, { name: "x", dtype: "F32", shape: [] }], path);
    expect(messages.map(({ code, message }) => `${code} ${message}`)).toEqual([
      `TK576 "router.weight" is F32 [${inputs}, ${experts}] and must be F32 [${experts}, ${inputs}]`,
      `TK576 "router.bias" is missing; it must be F32 [${experts}]`,
      `TK576 "experts.0.0.bias" is F16 [${hidden}] and must be F32 [${hidden}]`,
      'TK576 "x" is no tensor of the model',
    ]);
  });
});

// Without Python these tests are left out on a developer's machine, and fail where CI is set.
describe.skipIf(!hasPython())("the Python package", () => {
  it("reads what is written here: names, order, values and metadata", () => {
    const tensors = sample.filter(({ dtype }) => dtype !== "BF16");
    writeFileSync(path, Buffer.concat(encodeSafetensors(tensors, metadata)));
    const script = `
import json, sys
from safetensors import safe_open
with safe_open(sys.argv[1], framework="np") as f:
    print(json.dumps({"metadata": f.metadata(), "tensors": [
        [k, list(f.get_tensor(k).shape), str(f.get_tensor(k).dtype), f.get_tensor(k).tobytes().hex()] for k in f.offset_keys()]}))
`;
    const numpy = { F32: "float32", I64: "int64" } as Readonly<Record<string, string>>;
    const expected = tensors.map(({ name, shape, dtype, bytes }) => [
      name,
      shape,
      numpy[dtype],
      Buffer.from(bytes).toString("hex"),
    ]);
    const said = JSON.parse(runPython(script, path));
    expect(said.metadata).toEqual(Object.fromEntries(metadata));
    expect(said.tensors).toEqual(expected);
  });

  it("writes what is read here", () => {
    runPython(
      `
import sys, numpy as np
from safetensors.numpy import save_file
save_file({"b": np.arange(6, dtype=np.float32).reshape(2, 3) / 7, "a": np.array([-1, 2**62], dtype=np.int64),
           "h": np.array([1.5], dtype=np.float16), "u": np.array([1, 255], dtype=np.uint8)}, sys.argv[1], {"by": "numpy"})
`,
      path,
    );
    const read = readSafetensors(path);
    if (!read.ok) throw new Error(read.diagnostics[0]?.message);
    const byName = new Map(read.value.tensors.map((one) => [one.name, one]));
    expect([...byName.keys()].sort()).toEqual(["a", "b", "h", "u"]);
    const b = byName.get("b");
    expect(b && f32Values(b, path)).toEqual({
      ok: true,
      value: Float32Array.from([0, 1, 2, 3, 4, 5], (x) => Math.fround(x) / 7),
    });
    expect(b?.shape).toEqual([2, 3]);
    expect(byName.get("a")).toMatchObject({
      dtype: "I64",
      bytes: Buffer.from("ffffffffffffffff0000000000000040", "hex"),
    });
    expect(byName.get("h")).toMatchObject({ dtype: "F16", bytes: Buffer.from("003e", "hex") });
    expect(byName.get("u")).toMatchObject({ dtype: "U8", bytes: Buffer.from("01ff", "hex") });
    expect(read.value.metadata).toEqual(new Map([["by", "numpy"]]));
  });
});
