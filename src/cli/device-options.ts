/** `--target`, `--device`, `--waves`: which build of a model runs where, and how its library is opened. */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { MoeConfig } from "../moe/sizes.ts";
import type { Abi } from "../runtime/abi.ts";
import type { CallArguments } from "../runtime/cpu/arguments.ts";
import type { CpuLibrary } from "../runtime/cpu/library.ts";
import type { DeviceOptions, WaveOrder } from "../runtime/hip/device.ts";
import { error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { usageError } from "./options.ts";

export interface DeviceFlags {
  readonly target: "cpu" | "hip";
  readonly device?: "gpu" | "emulator";
  readonly waves?: WaveOrder;
}

/** What runs kernels and programs by name, whatever it runs them on. */
export interface OpenLibrary {
  readonly abi: Abi;
  /** `the CPU`, or what executes GPU code. */
  readonly runtime: string;
  /** May be a promise; then it is done when that is kept. */
  readonly call: (name: string, args: CallArguments) => unknown;
  readonly close: () => void;
}

/** The architecture whose code the emulator executes. */
const EMULATED = "gfx1101";
/** As in `src/runtime/hip/device.ts`, which commands that run on the CPU need not load. */
const WAVE_ORDERS: readonly WaveOrder[] = ["forward", "reverse", "shuffled"];

export function addDeviceOptions(command: Command): Command {
  return command
    .addOption(new Option("--target <target>", "which build runs").choices(["cpu", "hip"]).default("cpu"))
    .addOption(
      new Option("--device <device>", "of --target hip: gpu (default) or emulator").choices(["gpu", "emulator"]),
    )
    .addOption(new Option("--waves <order>", "in which order the emulator runs waves").choices(WAVE_ORDERS));
}

/** TK001: options that do not fit together. */
export function checkDeviceFlags({ target, device, waves }: DeviceFlags): Result<undefined> {
  if (target === "cpu" && device !== undefined) {
    return refuse(usageError(`--device ${device} runs GPU code, and --target is cpu`, "add --target hip"));
  }
  if (waves !== undefined && device !== "emulator") {
    return refuse(usageError("--waves is for the emulator", "add --target hip --device emulator"));
  }
  return ok(undefined);
}

/**
 * The library of a folder, or of the built-in model `moe`, which is proved and built for this run alone, on what the
 * flags name. The number is an exit code: what was wrong has been printed.
 */
export async function openLibraryOf(
  input: string,
  config: MoeConfig,
  flags: DeviceFlags,
): Promise<Result<OpenLibrary> | ExitCode> {
  if (isFolder(input)) return openFolder(input, flags);
  // Where there is no device, nothing need be built.
  const missing = flags.target === "hip" ? await probe(flags) : undefined;
  if (missing !== undefined) return missing;
  const architectures = flags.target === "cpu" ? [] : [await architecture(flags)];
  return openBuilt(config, flags.target, architectures, (folder) => openFolder(folder, flags));
}

/** As `openLibraryOf`, for this machine's CPU alone. */
export async function openCpuOf(input: string, config: MoeConfig): Promise<Result<CpuLibrary> | ExitCode> {
  const { openCpuLibrary } = await import("../runtime/cpu/library.ts");
  return isFolder(input)
    ? openCpuLibrary(input)
    : openBuilt(config, "cpu", [], (folder) => Promise.resolve(openCpuLibrary(folder)));
}

/** Whether it names a folder, and not the built-in model. */
function isFolder(input: string): boolean {
  return input !== "moe" || existsSync(input);
}

/** Opens the model from a folder that it is built into, and that is removed. */
async function openBuilt<T>(
  config: MoeConfig,
  target: DeviceFlags["target"],
  architectures: readonly string[],
  open: (folder: string) => Promise<T>,
): Promise<T | ExitCode> {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-run-"));
  try {
    const { buildModel } = await import("./build-model.ts");
    const code = await buildModel(folder, config, target, architectures);
    if (code !== EXIT.done) return code;
    // What is open stays readable when the folder has gone.
    return await open(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function openFolder(folder: string, flags: DeviceFlags): Promise<Result<OpenLibrary>> {
  if (flags.target === "cpu") {
    const { openCpuLibrary } = await import("../runtime/cpu/library.ts");
    const library = openCpuLibrary(folder);
    return library.ok ? ok({ ...library.value, runtime: "the CPU", close: () => undefined }) : library;
  }
  const device = await deviceOf(flags);
  if (!device.ok) return device;
  const [{ openDeviceLibrary }, { findToolchain }] = await Promise.all([
    import("../runtime/hip/library.ts"),
    import("../compiler/build/toolchain.ts"),
  ]);
  return openDeviceLibrary(folder, await findToolchain(process.env), {
    ...device.value,
    architecture: await architecture(flags),
  });
}

/** Why the device cannot be opened; `undefined` where it can. */
async function probe(flags: DeviceFlags): Promise<Result<never> | undefined> {
  const options = await deviceOf(flags);
  if (!options.ok) return options;
  const { openDevice } = await import("../runtime/hip/library.ts");
  const device = await openDevice(options.value);
  if (!device.ok) return device;
  device.value.close();
  return undefined;
}

/** TK552: the emulator is asked for, and nothing names it. */
async function deviceOf({ device = "gpu", waves }: DeviceFlags): Promise<Result<DeviceOptions>> {
  const { bridgePython } = await import("../runtime/hip/python.ts");
  const common = { python: bridgePython(process.env), env: process.env };
  if (device === "gpu") return ok({ ...common, device: { kind: device } });
  const tinygrad = process.env["TOKITAI_TINYGRAD"];
  if (tinygrad !== undefined)
    return ok({ ...common, device: { kind: device, tinygrad, ...(waves && { order: waves }) } });
  const fix = "TOKITAI_TINYGRAD names a checkout of https://github.com/tinygrad/tinygrad";
  return refuse(error("TK552", undefined, "there is no emulator: TOKITAI_TINYGRAD is not set", fix));
}

/** The GPU's own; without one, HIP says so when it is asked. */
async function architecture({ device }: DeviceFlags): Promise<string> {
  if (device === "emulator") return EMULATED;
  const { findGpu } = await import("../compiler/build/toolchain.ts");
  return findGpu()?.architectures[0] ?? EMULATED;
}
