/**
 * The host side of the HIP library, run without a GPU: what its launchers ask of the HIP runtime, in which order, and
 * what they say when it fails. Its kernels run too, one thread after another (hip-stub.ts).
 */

import koffi from "koffi";
import { afterAll, describe, expect, it } from "vitest";
import { STATUSES } from "../../src/compiler/codegen/abi-constants.ts";
import { emitHip } from "../../src/compiler/codegen/hip.ts";
import { dataCheck } from "../../src/compiler/data-check.ts";
import { proved } from "./codegen-ir.ts";
import { inPlace, sorted, sorting } from "./codegen-kernels-data.ts";
import { extremes } from "./codegen-kernels-memory.ts";
import { scale } from "./codegen-kernels-plain.ts";
import { build, double, type Field, int, type TypedArray, tensor, workspace } from "./codegen-library.ts";
import { HIP_STUB, launchStub } from "./hip-stub.ts";

const kernels = [sorted, ...[dataCheck(sorted)?.kernel ?? []].flat(), inPlace, extremes, scale];
const files = emitHip({ name: "host", kernels: kernels.map((kernel) => proved(kernel, [64])), plans: [sorting] });
const library = build(
  [
    ...files.map((file) =>
      file.path.endsWith(".cpp") ? { ...file, text: `${file.text}${launchStub(kernels)}` } : file,
    ),
    { path: "hip/hip_runtime.h", text: HIP_STUB },
  ],
  ["-O1", "-I."],
);
afterAll(library.close);

const handle = koffi.load(library.path);
const calls = handle.func("const char *stub_calls()");
const set = handle.func("void stub_set(const char *, int)");
const STREAM = 77n;

/** Runs with this call of the runtime failing, on this device; gives what was called. */
function run(name: string, fields: readonly Field[], failing = "", device = 0) {
  calls();
  set(failing, device);
  const answer = library.call(name, fields, STREAM);
  return { status: STATUSES[answer.status]?.name, message: answer.message, calls: String(calls()).trim().split(" ") };
}

const at = (...names: readonly string[]): readonly string[] => names.map((name) => `${name}@77`);

function sortedCall(ids: readonly number[]) {
  const y = new Float32Array(4);
  const data: readonly TypedArray[] = [
    Float32Array.of(1, 2, 3, 4),
    Int32Array.from(ids),
    BigInt64Array.of(3n, 1n),
    Int32Array.of(0, 3, 4),
    Int32Array.of(0, 1, 2, 3),
    y,
  ];
  return { fields: [...data.map(tensor), int(4), int(2)], y };
}

describe("a launcher without conditions on data", () => {
  it("launches on the caller's stream, and does nothing else", () => {
    const [x, y] = [Float32Array.of(1, 2, 3), new Float32Array(3)];
    const fields = [tensor(x), tensor(y), int(1), int(3), int(3), double(2)];
    expect(run("scale", fields)).toEqual({ status: "TOK_OK", message: "", calls: at("launch") });
    expect([...y]).toEqual([2, 4, 6]);
    expect(run("scale", fields, "launch")).toMatchObject({
      status: "TOK_DEVICE_ERROR",
      message: "scale: HIP reports a failure of the stub",
    });
  });

  it("does not call the runtime for an empty grid", () => {
    const empty = [tensor(new Float32Array(0)), tensor(new Float32Array(0)), int(0), int(3), int(0), double(2)];
    expect(run("scale", empty)).toEqual({ status: "TOK_OK", message: "", calls: [""] });
  });
});

describe("a launcher with conditions on data", () => {
  it("checks on the stream, waits, and launches; memory is allocated once", () => {
    const { fields, y } = sortedCall([0, 0, 0, 1]);
    const check = at("memset", "launch", "memcpy", "synchronize");
    const first = run("sorted", fields);
    expect(first).toEqual({ status: "TOK_OK", message: "", calls: ["malloc", ...check, ...at("launch")] });
    expect([...y]).toEqual([1, 2, 3, 4]);
    expect(run("sorted", fields).calls).toEqual([...check, ...at("launch")]);
  });

  it("moves its memory to the device that is current", () => {
    const { fields } = sortedCall([0, 0, 0, 1]);
    run("sorted", fields);
    expect(run("sorted", fields, "", 1).calls.slice(0, 3)).toEqual(["free", "malloc", "memset@77"]);
    expect(run("sorted", fields, "", 1).calls[0]).toBe("memset@77");
  });

  it("does not launch what breaks a condition", () => {
    const { fields, y } = sortedCall([0, 0, 5, 1]);
    const { status, message, calls: made } = run("sorted", fields);
    expect(status).toBe("TOK_REQUIRES");
    expect(message).toMatch(/^sorted: requires forall\(\[T\], .*, which does not hold at t = 2$/);
    expect(made.slice(-4)).toEqual(at("memset", "launch", "memcpy", "synchronize"));
    expect([...y]).toEqual([0, 0, 0, 0]);
  });

  it.each(["device", "malloc", "memset", "launch", "memcpy", "synchronize"])(
    "does not launch when %s fails",
    (call) => {
      const { fields, y } = sortedCall([0, 0, 0, 1]);
      // Another device than the last one, so that memory is allocated.
      const device = call === "malloc" ? 7 : 0;
      const answer = run("sorted", fields, call, device);
      expect(answer.status).toBe("TOK_DEVICE_ERROR");
      expect(answer.message).toMatch(
        /^sorted(?:_check)?: HIP reports a failure of the stub(?: while its data is checked)?$/,
      );
      expect([...y]).toEqual([0, 0, 0, 0]);
      expect(run("sorted", fields)).toMatchObject({ status: "TOK_OK" });
    },
  );
});

describe("a program", () => {
  it("checks what the caller passes before it launches anything, and the rest as it is made", () => {
    const call = (ids: readonly number[]) => {
      const [first, y] = [new Int32Array(4).fill(-1), new Float32Array(4)];
      const inputs = [Float32Array.of(1, 2, 3, 4), Int32Array.from(ids), BigInt64Array.of(3n, 1n)];
      const tensors = [...inputs, Int32Array.of(0, 3, 4), first, y].map(tensor);
      const room = workspace(Number(library.workspace("sorting", 4, 2)));
      return run("sorting", [...tensors, room, int(4), int(2)]);
    };
    const check = at("memset", "launch", "memcpy", "synchronize");
    call([0, 0, 0, 1]);
    const all = [...check, ...at("launch", "launch"), ...check, ...at("launch")];
    expect(call([0, 0, 0, 1])).toEqual({ status: "TOK_OK", message: "", calls: all });
    expect(call([0, 0, 2, 1])).toMatchObject({ status: "TOK_REQUIRES", calls: check });
    expect(call([0, 1, 0, 0])).toMatchObject({
      status: "TOK_REQUIRES",
      calls: [...check, ...at("launch", "launch"), ...check],
    });
  });
});

describe("device code, thread after thread", () => {
  it("takes atomic steps at the width of the element", () => {
    const x32 = Int32Array.of(2 ** 31 - 1, 1, -5);
    const u32 = Uint32Array.of(2 ** 32 - 1, 1, 5);
    const x64 = BigInt64Array.of(2n ** 63n - 1n, 1n, -5n);
    const i32 = [Int32Array.of(0), Int32Array.of(100), Int32Array.of(-100)];
    const unsigned = [Uint32Array.of(0), Uint32Array.of(100), Uint32Array.of(4)];
    const i64 = [BigInt64Array.of(0n), BigInt64Array.of(100n), BigInt64Array.of(-100n)];
    const all = [x32, ...i32, u32, ...unsigned, x64, ...i64].map(tensor);
    expect(run("extremes", [...all, int(3)])).toMatchObject({ status: "TOK_OK", calls: at("launch") });
    expect(i32.map(([value]) => value)).toEqual([2 ** 31 - 5, -5, 2 ** 31 - 1]);
    expect(unsigned.map(([value]) => value)).toEqual([5, 1, 2 ** 32 - 1]);
    expect(i64.map(([value]) => value)).toEqual([2n ** 63n - 5n, -5n, 2n ** 63n - 1n]);
  });
});
