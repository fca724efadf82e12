/**
 * A built HIP library whose machine code is executed by an emulator, in a child process: functions by name, on typed arrays.
 *
 * A call goes through the launcher's `tok_<kernel>_prepare`, as on a GPU: what breaks a contract is a `LaunchError`, and
 * what is executed is the instance that it chose, with the arguments that it packed. Each tensor has pages of its own
 * before and behind it that nobody may touch during a launch; an access there ends the child.
 */

import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "../../compiler/build/manifest.ts";
import { openBuild } from "../../compiler/build/output.ts";
import type { Toolchain } from "../../compiler/build/toolchain.ts";
import { INSTALL } from "../../compiler/build/toolchain.ts";
import { unbundle } from "../../compiler/build/unbundle.ts";
import { MAX_LAUNCH_ARGS } from "../../compiler/codegen/abi-constants.ts";
import { error } from "../../support/diagnostic.ts";
import { InternalError, ok, type Result, refuse } from "../../support/result.ts";
import { type Abi, parseAbi } from "../abi.ts";
import { type CallArguments, LaunchError, packArguments, type TensorData } from "../cpu/arguments.ts";
import { Bridge, BridgeError } from "./bridge.ts";

export interface EmulatedLibrary {
  readonly manifest: Manifest;
  readonly abi: Abi;
  /** Runs a kernel; outputs are written in place. Rejects with `LaunchError` or `BridgeError`. */
  readonly call: (name: string, args: CallArguments) => Promise<void>;
  readonly close: () => void;
}

export interface EmulatorOptions {
  /** A checkout of tinygrad. */
  readonly tinygrad: string;
  readonly architecture: string;
  /** The Python interpreter; it needs no packages. */
  readonly python?: string;
  /** The most that one launch may take. */
  readonly timeoutMs?: number;
}

/** What `bridge.py` answers to `hello`. */
const PROTOCOL = 1;
const PAGE = 4096;
/** The widest access of a kernel, so that a tensor which ends at a guard still starts at a multiple of it. */
const ALIGNMENT = 16;
/** All tensors of a call with their guards. The file is sparse: what is not touched takes no memory. */
const MEMORY_BYTES = 2 ** 30;
const HELLO_MS = 60_000;
const LAUNCH_MS = 600_000;

/** TK501 to TK506: see `openBuild`; TK550: another ABI; TK552: no HIP library in the folder, or no emulator for it. */
export async function openEmulatedLibrary(
  folder: string,
  toolchain: Toolchain,
  { tinygrad, architecture, python = "python3", timeoutMs = LAUNCH_MS }: EmulatorOptions,
): Promise<Result<EmulatedLibrary>> {
  const manifest = openBuild(folder);
  if (!manifest.ok) return manifest;
  const abi = parseAbi(manifest.value.abi);
  if (!abi.ok) return abi;
  const no = (message: string, fix: string): Result<never> => refuse(error("TK552", undefined, message, fix));
  const file = manifest.value.files.find(({ role, target }) => role === "library" && target === "hip");
  if (file === undefined) return no(`${folder} holds no library for HIP`, "compile with --target hip");
  if (toolchain.bundler === undefined) return no("clang-offload-bundler is missing", INSTALL.bundler);
  const library = join(folder, file.name);
  const room = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "tokitai-memory-"));
  const objects = await unbundle(library, room, toolchain.bundler, toolchain.env);
  const remove = (): void => rmSync(room, { recursive: true, force: true });
  if (!objects.ok) {
    remove();
    return objects;
  }
  const object = objects.value.find((candidate) => candidate.architecture === architecture);
  if (object === undefined) {
    remove();
    const found = objects.value.map((candidate) => candidate.architecture).join(", ");
    return no(
      `${file.name} has code for ${found}, not for ${architecture}`,
      `compile with --offload-arch ${architecture}`,
    );
  }
  const memory = join(room, "memory");
  const descriptor = openSync(memory, "w+");
  ftruncateSync(descriptor, MEMORY_BYTES);
  const bridge = new Bridge({ python, env: toolchain.env });
  const close = (): void => {
    bridge.close();
    closeSync(descriptor);
    remove();
  };
  try {
    const { protocol } = await bridge.request("hello", { tinygrad, memory, bytes: MEMORY_BYTES }, HELLO_MS);
    if (protocol !== PROTOCOL) throw new BridgeError(`the bridge speaks protocol ${protocol}, not ${PROTOCOL}`);
    await bridge.request("load", { library, room: MAX_LAUNCH_ARGS, architecture }, HELLO_MS, readFileSync(object.path));
  } catch (cause) {
    close();
    if (!(cause instanceof BridgeError)) throw cause;
    return no(cause.message, "TOKITAI_TINYGRAD names a checkout of https://github.com/tinygrad/tinygrad");
  }
  const call = (name: string, args: CallArguments): Promise<void> =>
    launch(bridge, abi.value, descriptor, name, args, timeoutMs);
  return ok({ manifest: manifest.value, abi: abi.value, call, close });
}

async function launch(
  bridge: Bridge,
  abi: Abi,
  memory: number,
  name: string,
  args: CallArguments,
  timeoutMs: number,
): Promise<void> {
  const description = abi.kernels.find((kernel) => kernel.name === name);
  if (description === undefined) throw new TypeError(`the library ${abi.library} has no kernel ${name}`);
  const packed = packArguments(description, abi, args, undefined);
  const placed: { readonly data: TensorData; readonly offset: number }[] = [];
  const guards: [offset: number, bytes: number][] = [[0, PAGE]];
  let end = PAGE;
  const fields = description.fields.map(({ name: field, field: member, kind, element }) => {
    const value = packed[member];
    if (kind === "tensor") {
      const data = args.tensors[field];
      if (data === undefined) throw new InternalError(`${name}: no data of ${field}`);
      const pages = Math.ceil(data.byteLength / PAGE) * PAGE;
      // The tensor ends where its guard begins, but for what its alignment asks for.
      const offset = end + Math.floor((pages - data.byteLength) / ALIGNMENT) * ALIGNMENT;
      if (end + pages + PAGE > MEMORY_BYTES) {
        const needed = `${field} of ${data.byteLength} bytes does not fit into the emulator's ${MEMORY_BYTES} bytes`;
        throw new BridgeError(`${name}: ${needed}, of which ${end} are taken`);
      }
      guards.push([end + pages, PAGE]);
      end += pages + PAGE;
      placed.push({ data, offset });
      writeSync(memory, data, 0, data.byteLength, offset);
      return { kind, offset, bytes: data.byteLength, dtype: dtypeOf(value) };
    }
    if (kind === "scalar" && element === "f32") {
      return { kind: "double", value: Buffer.from(Float64Array.of(Number(value)).buffer).toString("hex") };
    }
    return { kind: "int", value: String(value) };
  });
  const answer = await bridge.request("launch", { kernel: name, fields, guards }, timeoutMs);
  const status = Number(answer["status"]);
  if (status !== 0) {
    const known = Object.entries(abi.statuses).find(([, number]) => number === status);
    throw new LaunchError(known?.[0] ?? `status ${status}`, String(answer["text"]));
  }
  for (const { data, offset } of placed) readSync(memory, data, 0, data.byteLength, offset);
}

function dtypeOf(packed: unknown): number {
  if (typeof packed === "object" && packed !== null && "dtype" in packed) return Number(packed.dtype);
  throw new InternalError("a tensor without a dtype");
}
