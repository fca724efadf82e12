/**
 * A built CPU library in this process: functions by name, called on typed arrays without copying.
 *
 * The folder's manifest and the hash of every file are checked before the library is opened. What a call breaks of a
 * contract is a `LaunchError` with the launcher's own message. A library stays loaded until the process ends: its OpenMP
 * threads outlive any call.
 */

import { join } from "node:path";
import koffi, { type LibraryHandle } from "koffi";
import type { Manifest } from "../../compiler/build/manifest.ts";
import { openBuild } from "../../compiler/build/output.ts";
import { SIMD_UNITS } from "../../ir/kernel/simd.ts";
import { error } from "../../support/diagnostic.ts";
import { ok, type Result, refuse } from "../../support/result.ts";
import { type Abi, type AbiFunction, parseAbi } from "../abi.ts";
import {
  type CallArguments,
  LaunchError,
  nearest,
  packArguments,
  packDims,
  packStruct,
  type TensorData,
} from "./arguments.ts";
import { prepareOpenMp } from "./openmp.ts";

/** What a caller of this module needs beside it: the package's entry for the CPU is this file. */
export { type CallArguments, LaunchError, type TensorData };

export interface CpuLibrary {
  readonly manifest: Manifest;
  readonly abi: Abi;
  /** Runs a kernel or a program; a program's workspace is allocated here, once per size. */
  readonly call: (name: string, args: CallArguments) => void;
  /**
   * The call as a function, for arguments that stay where they are: they are read and packed once, and each call works on what the
   * tensors hold by then. A tensor whose memory has gone, as that of a transferred buffer, is a `TypeError`.
   */
  readonly bind: (name: string, args: CallArguments) => () => void;
  /** The same of a program, and when each of its launches ran, in their order. */
  readonly trace: (program: string, args: CallArguments) => readonly LaunchTime[];
  /** Bytes that a program needs beside its parameters. */
  readonly workspaceBytes: (program: string, dims: CallArguments["dims"]) => bigint;
}

/** When a launch of a program ran, in seconds of a steady clock. */
export interface LaunchTime {
  readonly label: string;
  readonly part: string | undefined;
  /** The kernel of the plan; what ran may be an instance for the CPU's vector unit. */
  readonly kernel: string;
  readonly begin: number;
  readonly end: number;
}

/** TK501 to TK506: see `openBuild`; TK550: another ABI; TK551: no CPU library in the folder, it cannot be loaded, or TOKITAI_VECTOR_UNIT is none. */
export function openCpuLibrary(folder: string): Result<CpuLibrary> {
  const manifest = openBuild(folder);
  if (!manifest.ok) return manifest;
  const abi = parseAbi(manifest.value.abi);
  if (!abi.ok) return abi;
  const file = manifest.value.files.find(({ role, target }) => role === "library" && target === "cpu");
  if (file === undefined) {
    const fix = "compile with --target cpu";
    return refuse(error("TK551", undefined, `${folder} holds no library for the CPU`, fix));
  }
  const widest = process.env["TOKITAI_VECTOR_UNIT"];
  if (widest !== undefined && ![...SIMD_UNITS, "none"].includes(widest)) {
    const fix = `name the widest unit that programs may use: ${SIMD_UNITS.join(", ")} or none`;
    return refuse(error("TK551", undefined, `TOKITAI_VECTOR_UNIT is ${widest}, which is no vector unit`, fix));
  }
  prepareOpenMp();
  let native: LibraryHandle;
  try {
    native = koffi.load(join(folder, file.name));
  } catch (cause) {
    const message = `${file.name} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`;
    return refuse(error("TK551", undefined, message, "build again on this machine; tokitai doctor shows its tools"));
  }
  return ok(bind(native, manifest.value, abi.value));
}

interface Bound {
  readonly description: AbiFunction;
  readonly invoke: (args: unknown, stream: null) => number;
  readonly workspace: ((...dims: readonly bigint[]) => bigint | number) | undefined;
}

function bind(native: LibraryHandle, manifest: Manifest, abi: Abi): CpuLibrary {
  const lastError = native.func("tok_last_error", "str", []);
  const statusNames = new Map(Object.entries(abi.statuses).map(([name, value]) => [value, name]));
  const functions = new Map<string, Bound>();
  const bound = (name: string): Bound => {
    const known = functions.get(name);
    if (known !== undefined) return known;
    const description = [...abi.programs, ...abi.kernels].find((candidate) => candidate.name === name);
    if (description === undefined) throw unknownFunction(name, abi);
    const { launch, workspace, dims = [] } = description;
    const made: Bound = {
      description,
      invoke: native.func(launch, "int32_t", ["void *", "void *"]),
      workspace:
        workspace === undefined
          ? undefined
          : native.func(
              workspace,
              "uint64_t",
              dims.map(() => "int64_t"),
            ),
    };
    functions.set(name, made);
    return made;
  };
  const fail = (status: number): never => {
    throw new LaunchError(statusNames.get(status) ?? `status ${status}`, String(lastError()));
  };
  const workspaceBytes = (program: string, dims: CallArguments["dims"]): bigint => {
    const { description, workspace } = bound(program);
    if (workspace === undefined) return 0n;
    const bytes = BigInt(workspace(...packDims(description, dims)));
    return bytes === 2n ** 64n - 1n ? fail(abi.statuses["TOK_DIM"] ?? -1) : bytes;
  };
  const arena = arenas();
  const bind = (name: string, args: CallArguments): (() => void) => {
    const { description, invoke } = bound(name);
    const usesArena = description.fields.some(({ kind }) => kind === "workspace");
    const workspace = usesArena ? arena(workspaceBytes(name, args.dims)) : undefined;
    const struct = packStruct(description, packArguments(description, abi, args, workspace), koffi.address);
    // What is packed are addresses: the tensors are kept for them.
    const memory = Object.entries({ ...args.tensors, ...(workspace && { workspace }) });
    const kept = memory.map(([tensor, data]) => ({ tensor, data, bytes: data.byteLength }));
    return () => {
      for (const { tensor, data, bytes } of kept) {
        if (data.byteLength !== bytes) throw new TypeError(`the memory of ${tensor} of ${name} has gone: bind again`);
      }
      const status = invoke(struct, null);
      if (status !== 0) fail(status);
    };
  };
  const call = (name: string, args: CallArguments): void => bind(name, args)();
  const trace = (program: string, args: CallArguments): readonly LaunchTime[] => {
    const launches = manifest.programs.find(({ name }) => name === program)?.launches;
    if (launches === undefined) throw unknownFunction(program, { ...abi, kernels: [] });
    const times = new Float64Array(2 * launches.length);
    const note = native.func("tok_trace", "uint64_t", ["void *", "uint64_t"]);
    note(times, BigInt(launches.length));
    try {
      call(program, args);
    } finally {
      note(null, 0n);
    }
    return launches.map(({ label, part, kernel }, i) => {
      return { label, part, kernel, begin: times[2 * i] ?? Number.NaN, end: times[2 * i + 1] ?? Number.NaN };
    });
  };
  return { manifest, abi, call, bind, trace, workspaceBytes };
}

function unknownFunction(name: string, { library, kernels, programs }: Abi): TypeError {
  const names = [...programs, ...kernels].map((known) => known.name);
  const meant = nearest(name, names);
  const fix = meant === undefined ? `it has ${names.join(", ")}` : `did you mean ${meant}?`;
  return new TypeError(`the library ${library} has no function ${name}; ${fix}`);
}

const ARENA_ALIGNMENT = 256n;

/** Hands out one arena, grown as needed, at an aligned address. */
function arenas(): (bytes: bigint) => Uint8Array {
  let arena = new Uint8Array(0);
  return (bytes) => {
    if (BigInt(arena.length) < bytes) {
      const block = new Uint8Array(Number(bytes + ARENA_ALIGNMENT));
      const address = koffi.address(block);
      const shift = Number((ARENA_ALIGNMENT - (BigInt(address) % ARENA_ALIGNMENT)) % ARENA_ALIGNMENT);
      arena = block.subarray(shift, shift + Number(bytes));
    }
    return arena.subarray(0, Number(bytes));
  };
}
