/**
 * A built HIP library on a device: kernels and programs by name, on typed arrays, as `CpuLibrary` has them for the CPU.
 *
 * A call goes through the library's own launcher, whose launches the child passes on to the device: what breaks a contract, or
 * a condition on data, is a `LaunchError`, and what is executed is what the launcher has chosen and packed.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "../../compiler/build/manifest.ts";
import { openBuild } from "../../compiler/build/output.ts";
import { INSTALL, type Toolchain } from "../../compiler/build/toolchain.ts";
import { unbundle } from "../../compiler/build/unbundle.ts";
import { MAX_LAUNCH_ARGS } from "../../compiler/codegen/abi-constants.ts";
import { ARENA_ALIGNMENT } from "../../ir/plan.ts";
import { error } from "../../support/diagnostic.ts";
import { InternalError, ok, type Result, refuse } from "../../support/result.ts";
import { type Abi, type AbiField, type AbiFunction, parseAbi } from "../abi.ts";
import { type CallArguments, LaunchError, packArguments, packDims, type TensorData } from "../cpu/arguments.ts";
import { BridgeError } from "./bridge.ts";
import { Device, type DeviceOptions, type Field, type Outcome } from "./device.ts";

export interface DeviceLibrary {
  readonly manifest: Manifest;
  readonly abi: Abi;
  /** What executes: HIP and its version, or the emulator. */
  readonly runtime: string;
  /**
   * Runs a kernel or a program; outputs are written in place. Gives the symbols of the kernels that were launched, in
   * order. Rejects with `LaunchError` or `BridgeError`.
   */
  readonly call: (name: string, args: CallArguments) => Promise<readonly string[]>;
  /** Runs it so many times; gives the device's time of each, in milliseconds. */
  readonly time: (name: string, args: CallArguments, repeats: number) => Promise<readonly number[]>;
  readonly close: () => void;
}

export interface DeviceLibraryOptions extends DeviceOptions {
  readonly architecture: string;
}

/** The widest access of a kernel, so that a tensor which ends at a guard still starts at a multiple of it. */
const TENSOR_ALIGNMENT = 16;

/** TK501 to TK506: see `openBuild`; TK550: another ABI; TK552: no HIP library in the folder, or no device for it. */
export async function openDeviceLibrary(
  folder: string,
  toolchain: Toolchain,
  { architecture, ...options }: DeviceLibraryOptions,
): Promise<Result<DeviceLibrary>> {
  const manifest = openBuild(folder);
  if (!manifest.ok) return manifest;
  const abi = parseAbi(manifest.value.abi);
  if (!abi.ok) return abi;
  const code = await codeObject(folder, manifest.value, toolchain, architecture);
  if (!code.ok) return code;
  const device = await openDevice(options);
  if (!device.ok) return device;
  try {
    await device.value.load(code.value.library, MAX_LAUNCH_ARGS, architecture, code.value.bytes);
    return ok(bind(device.value, manifest.value, abi.value));
  } catch (cause) {
    device.value.close();
    return noDevice(cause, options);
  }
}

/** TK552: there is no such device here. */
export async function openDevice(options: DeviceOptions): Promise<Result<Device>> {
  try {
    return ok(await Device.open(options));
  } catch (cause) {
    return noDevice(cause, options);
  }
}

function noDevice(cause: unknown, { device }: DeviceOptions): Result<never> {
  if (!(cause instanceof BridgeError)) throw cause;
  const fix =
    device.kind === "gpu"
      ? `it ${INSTALL.gpu}; --device emulator executes the same code without one`
      : "TOKITAI_TINYGRAD names a checkout of https://github.com/tinygrad/tinygrad";
  return refuse(error("TK552", undefined, cause.message, fix));
}

async function codeObject(
  folder: string,
  manifest: Manifest,
  toolchain: Toolchain,
  architecture: string,
): Promise<Result<{ readonly library: string; readonly bytes: Uint8Array }>> {
  const no = (message: string, fix: string): Result<never> => refuse(error("TK552", undefined, message, fix));
  const file = manifest.files.find(({ role, target }) => role === "library" && target === "hip");
  if (file === undefined) return no(`${folder} holds no library for HIP`, "compile with --target hip");
  if (toolchain.bundler === undefined) return no("clang-offload-bundler is missing", INSTALL.bundler);
  const library = join(folder, file.name);
  const room = mkdtempSync(join(tmpdir(), "tokitai-code-"));
  try {
    const objects = await unbundle(library, room, toolchain.bundler, toolchain.env);
    if (!objects.ok) return objects;
    const object = objects.value.find((candidate) => candidate.architecture === architecture);
    if (object !== undefined) return ok({ library, bytes: readFileSync(object.path) });
    const found = objects.value.map((candidate) => candidate.architecture).join(", ");
    return no(
      `${file.name} has code for ${found}, not for ${architecture}`,
      `compile with --offload-arch ${architecture}`,
    );
  } finally {
    rmSync(room, { recursive: true, force: true });
  }
}

function bind(device: Device, manifest: Manifest, abi: Abi): DeviceLibrary {
  /** Places the arguments on the device, has `use` use them, and gives back what was written. */
  const placed = async (name: string, args: CallArguments, use: (fields: readonly Field[]) => Promise<Outcome>) => {
    const description = [...abi.programs, ...abi.kernels].find((candidate) => candidate.name === name);
    if (description === undefined) throw new TypeError(`the library ${abi.library} has no function ${name}`);
    const workspace = await workspaceBytes(device, abi, description, args);
    const buffers: Placed[] = [];
    try {
      const packed = packArguments(description, abi, args, undefined);
      const fields: Field[] = [];
      for (const field of description.fields) {
        fields.push(await place(device, name, field, args, packed[field.field], workspace, buffers));
      }
      const outcome = checked(abi, await use(fields));
      for (const { data, buffer, written } of buffers) {
        if (written && data !== undefined) await device.download(buffer, data);
      }
      return outcome;
    } finally {
      // After a child's end there is nothing to give back, and its own error is the one to show.
      for (const { buffer } of buffers) await device.free(buffer).catch(() => undefined);
    }
  };
  return {
    manifest,
    abi,
    runtime: device.runtime,
    call: async (name, args) => (await placed(name, args, (fields) => device.launch(name, fields))).symbols ?? [],
    time: async (name, args, repeats) =>
      (await placed(name, args, (fields) => device.time(name, fields, repeats))).milliseconds ?? [],
    close: () => device.close(),
  };
}

interface Placed {
  readonly buffer: number;
  readonly data: TensorData | undefined;
  readonly written: boolean;
}

/** A field of the struct; tensors get a buffer, which holds what the call reads. */
async function place(
  device: Device,
  call: string,
  { name, kind, role, element }: AbiField,
  args: CallArguments,
  value: unknown,
  workspace: number,
  buffers: Placed[],
): Promise<Field> {
  switch (kind) {
    case "tensor": {
      const data = args.tensors[name];
      if (data === undefined) throw new InternalError(`${call}: no data of ${name}`);
      const dtype = dtypeOf(value);
      if (data.byteLength === 0) return { kind, buffer: 0, bytes: 0, dtype };
      const buffer = await device.allocate(`${call}: ${name}`, data.byteLength, TENSOR_ALIGNMENT);
      buffers.push({ buffer, data, written: role === "output" || role === "inout" });
      if (role !== "output") await device.upload(buffer, data);
      return { kind, buffer, bytes: data.byteLength, dtype };
    }
    case "workspace": {
      if (workspace === 0) return { kind: "tensor", buffer: 0, bytes: 0, dtype: 0 };
      const buffer = await device.allocate(`${call}: the workspace`, workspace, Number(ARENA_ALIGNMENT));
      buffers.push({ buffer, data: undefined, written: false });
      return { kind: "tensor", buffer, bytes: workspace, dtype: 0 };
    }
    case "dim":
      return { kind: "int", value: String(value) };
    case "scalar":
      if (element !== "f32") return { kind: "int", value: String(value) };
      return { kind: "double", value: Buffer.from(Float64Array.of(Number(value)).buffer).toString("hex") };
    default:
      kind satisfies never;
      throw new InternalError("unknown field");
  }
}

async function workspaceBytes(
  device: Device,
  abi: Abi,
  description: AbiFunction,
  { dims }: CallArguments,
): Promise<number> {
  if (!description.fields.some(({ kind }) => kind === "workspace")) return 0;
  return checked(abi, await device.workspace(description.name, packDims(description, dims))).bytes ?? 0;
}

function checked(abi: Abi, outcome: Outcome): Outcome {
  if (outcome.status === 0) return outcome;
  const known = Object.entries(abi.statuses).find(([, number]) => number === outcome.status);
  throw new LaunchError(known?.[0] ?? `status ${outcome.status}`, outcome.text);
}

function dtypeOf(packed: unknown): number {
  if (typeof packed === "object" && packed !== null && "dtype" in packed) return Number(packed.dtype);
  throw new InternalError("a tensor without a dtype");
}
