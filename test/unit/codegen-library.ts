/**
 * A generated CPU library for tests: compiled with g++, opened with koffi, called with structs that this file packs by
 * the ABI's rules alone (fields of 8 bytes in the order of the header), so that the generator's own description of them
 * is not what it is tested with.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import koffi from "koffi";
import type { GeneratedFile } from "../../src/compiler/codegen/library.ts";
import { UNIT_FEATURES } from "../../src/compiler/codegen/support-lanes.ts";

export type TypedArray = Float32Array | Uint16Array | Int32Array | Uint32Array | BigInt64Array;

/** A tensor as the struct has it; it may lie about itself, to test that it is found out. */
export interface TensorField {
  readonly kind: "tensor";
  readonly address: bigint;
  readonly bytes: bigint;
  readonly dtype: bigint;
  /** Keeps the memory at the address alive, which the garbage collector does not see. */
  readonly owner: TypedArray | Uint8Array;
}

/** A field of an argument struct. */
export type Field =
  | TensorField
  | { readonly kind: "int"; readonly value: bigint }
  | { readonly kind: "double"; readonly value: number };

export const DTYPE = { f32: 1n, i32: 2n, u32: 3n, i64: 4n, f16: 5n, bf16: 6n } as const;

/** Of 16 bits those of f16. */
export function tensor(data: TypedArray): TensorField {
  const dtype =
    data instanceof Float32Array
      ? DTYPE.f32
      : data instanceof Int32Array
        ? DTYPE.i32
        : data instanceof Uint32Array
          ? DTYPE.u32
          : data instanceof Uint16Array
            ? DTYPE.f16
            : DTYPE.i64;
  return { kind: "tensor", address: addressOf(data), bytes: BigInt(data.byteLength), dtype, owner: data };
}

/** Bytes for a workspace, at an address with the arena's alignment. */
export function workspace(bytes: number): TensorField {
  const room = new Uint8Array(bytes + 256);
  const start = addressOf(room);
  const address = start + ((256n - (start % 256n)) % 256n);
  return { kind: "tensor", address, bytes: BigInt(bytes), dtype: DTYPE.f32, owner: room };
}

export function addressOf(data: TypedArray | Uint8Array): bigint {
  return data.byteLength === 0 ? 0n : BigInt(koffi.address(data));
}

export const int = (value: number | bigint): Field => ({ kind: "int", value: BigInt(value) });
export const double = (value: number): Field => ({ kind: "double", value });

export function pack(fields: readonly Field[]): Uint8Array {
  const words: bigint[] = fields.flatMap((field) => {
    switch (field.kind) {
      case "tensor":
        return [field.address, field.bytes, field.dtype];
      case "int":
        return [BigInt.asUintN(64, field.value)];
      case "double":
        return [new BigUint64Array(new Float64Array([field.value]).buffer)[0] ?? 0n];
      default:
        field satisfies never;
        throw new Error("unknown field");
    }
  });
  return new Uint8Array(new BigUint64Array(words).buffer);
}

export interface Launch {
  readonly symbol: string;
  readonly indexBits: number;
  readonly block: readonly number[];
  readonly grid: readonly number[];
  readonly sharedBytes: number;
  readonly args: Uint8Array;
}

export interface Answer {
  readonly status: number;
  readonly message: string;
}

export interface Library {
  readonly path: string;
  /** The stream is passed on as it is; on the CPU nothing looks at it. */
  readonly call: (name: string, fields: readonly Field[] | undefined, stream?: bigint) => Answer;
  readonly prepare: (name: string, fields: readonly Field[]) => Answer & { readonly launch: Launch };
  readonly workspace: (name: string, ...dims: readonly number[]) => bigint;
  readonly abiVersion: () => number;
  readonly close: () => void;
}

const FLAGS = [
  "-std=c++17",
  "-O2",
  "-fopenmp",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-shared",
  "-fPIC",
  "-fvisibility=hidden",
];

export function writeFiles(folder: string, files: readonly GeneratedFile[]): void {
  for (const { path, text } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Compiles the `.cpp` files, each for its vector unit; warnings are errors. */
export function build(files: readonly GeneratedFile[], flags: readonly string[] = []): Library {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-codegen-"));
  writeFiles(folder, files);
  const path = join(folder, "library.so");
  const objects = files
    .filter((file) => file.path.endsWith(".cpp"))
    .map(({ path: source, unit }) => {
      const features = unit === undefined ? [] : UNIT_FEATURES[unit].map((feature) => `-m${feature}`);
      execFileSync("g++", [...FLAGS, ...flags, ...features, "-c", source, "-o", `${source}.o`], {
        stdio: "pipe",
        cwd: folder,
      });
      return `${source}.o`;
    });
  if (objects.length === 0) throw new Error("no .cpp file was generated");
  execFileSync("g++", [...FLAGS, ...flags, ...objects, "-o", path], { stdio: "pipe", cwd: folder });
  return open(path, folder);
}

function open(path: string, folder: string): Library {
  const handle = koffi.load(path);
  const lastError = handle.func("const char *tok_last_error()");
  const answer = (status: number): Answer => ({ status, message: status === 0 ? "" : String(lastError()) });
  return {
    path,
    call: (name, fields, stream = 0n) => {
      const run = handle.func(`int32_t tok_${name}(const void *, uintptr_t)`);
      return answer(Number(run(fields === undefined ? null : pack(fields), stream)));
    },
    prepare: (name, fields) => {
      const prepare = handle.func(`int32_t tok_${name}_prepare(const void *, void *)`);
      const launch = new Uint8Array(LAUNCH_BYTES);
      const status = Number(prepare(pack(fields), launch));
      return { ...answer(status), launch: readLaunch(launch) };
    },
    workspace: (name, ...dims) => {
      const size = handle.func(`uint64_t tok_${name}_workspace(${dims.map(() => "int64_t").join(", ")})`);
      return BigInt(size(...dims));
    },
    abiVersion: () => Number(handle.func("uint32_t tok_abi_version()")()),
    close: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

const LAUNCH_BYTES = 576;

/** `const char *, uint32_t, uint64_t[3], uint32_t[3], uint32_t, uint64_t, unsigned char[512]` */
function readLaunch(bytes: Uint8Array): Launch {
  const view = new DataView(bytes.buffer);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  const u64 = (offset: number): bigint => view.getBigUint64(offset, true);
  const symbol = u64(0);
  return {
    symbol: symbol === 0n ? "" : koffi.decode.string(symbol),
    indexBits: u32(8),
    grid: [16, 24, 32].map((offset) => Number(u64(offset))),
    block: [40, 44, 48].map(u32),
    sharedBytes: u32(52),
    args: bytes.slice(64, 64 + Number(u64(56))),
  };
}
