/**
 * The bridge to a GPU: AMD's hip-python from PyPI, with Debian's HIP runtime, which finds no device here, and with a stand-in
 * for that runtime, which shows what is asked of a device, in which order, and what becomes of each error.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findToolchain } from "../../../src/compiler/build/toolchain.ts";
import { LaunchError } from "../../../src/runtime/cpu/arguments.ts";
import { BridgeError } from "../../../src/runtime/hip/bridge.ts";
import { Device } from "../../../src/runtime/hip/device.ts";
import { type DeviceLibrary, openDevice, openDeviceLibrary } from "../../../src/runtime/hip/library.ts";
import { bridgePython, findHipPython } from "../../../src/runtime/hip/python.ts";
import { runTokitai } from "../../cli/command.ts";
import { buildInto, proveKernels, unwrap } from "../library.ts";
import { buildStubHip, type StubHip } from "./stub-hip.ts";

const toolchain = await findToolchain(process.env);
const folder = mkdtempSync(join(tmpdir(), "tokitai-gpu-"));
afterAll(() => rmSync(folder, { recursive: true }));
const python = bridgePython(process.env);
const device = { kind: "gpu" } as const;

describe("hip-python on the installed HIP", () => {
  it("is what setup has installed", () => {
    expect(findHipPython(process.env)?.version).toMatch(/^\d+\.\d+\.\d+\.\d+/);
  });

  it.skipIf(toolchain.gpu !== undefined)("gives HIP's own error, and what to do", async () => {
    const opened = await openDevice({ device, python, env: process.env });
    expect(opened).toMatchObject({
      ok: false,
      diagnostics: [
        {
          code: "TK552",
          message: "hipErrorNoDevice (100), HIP's answer to hipGetDeviceCount",
          fix: expect.stringContaining("needs an AMD GPU"),
        },
      ],
    });
  });

  it.skipIf(toolchain.gpu !== undefined)("is what the command line says, with exit code 3", () => {
    const args = ["run", "moe", "--size", "nano", "--target", "hip", "--device", "gpu", "--rows", "4"];
    const { code, stdout, stderr } = runTokitai(folder, args);
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toContain("TK552: hipErrorNoDevice (100), HIP's answer to hipGetDeviceCount");
    expect(stderr).toContain("--device emulator");
  });

  it("names the package where the interpreter has none", async () => {
    const opened = await openDevice({ device, python: "/usr/bin/python3", env: process.env });
    expect(opened.ok ? "" : opened.diagnostics[0]?.message).toContain(
      "hip-python cannot be loaded (No module named 'hip')",
    );
  });
});

describe("hip-python on a stand-in for HIP", () => {
  let stub: StubHip;
  let open: DeviceLibrary | undefined;
  beforeAll(async () => {
    stub = buildStubHip(folder, process.env);
    await buildInto(
      folder,
      await proveKernels(["kernels/softmax.ts", "kernels/gather-assignments.ts"]),
      toolchain,
      false,
      "hip",
    );
  });
  afterAll(() => open?.close());

  async function library(failing?: string): Promise<DeviceLibrary> {
    open?.close();
    stub.calls();
    const options = { device, python, env: stub.env(failing), architecture: "gfx1101" };
    open = unwrap(await openDeviceLibrary(folder, toolchain, options));
    return open;
  }
  const softmax = (B: number) => ({
    tensors: { x: Float32Array.from({ length: B * 4 }, (_, i) => i), y: new Float32Array(B * 4).fill(7) },
    dims: { B, N: 4 },
  });

  it("says what it runs on", async () => {
    const opened = await Device.open({ device, python, env: stub.env() });
    expect(opened.runtime).toBe("HIP 6.2.42");
    expect(await opened.devices()).toEqual([{ name: "device 0", memory: 17163091968 }]);
    opened.close();
  });

  it("places what is read, launches what the launcher has packed, waits, and fetches what is written", async () => {
    const { call } = await library();
    expect(await call("softmax", softmax(3))).toEqual(["softmax_i32"]);
    const calls = stub.calls();
    expect(calls.map((line) => line.replace(/ grid.*/, " grid …"))).toEqual([
      ...["hipGetDeviceCount", "hipRuntimeGetVersion", "hipModuleLoadData"],
      ...["hipMalloc", "hipMemcpy to the device", "hipMalloc"],
      ...["hipModuleGetFunction", "softmax_i32 grid …", "hipModuleLaunchKernel", "hipDeviceSynchronize"],
      ...["hipMemcpy to the host", "hipFree", "hipFree"],
    ]);
    const { kernels } = open?.manifest ?? { kernels: [] };
    const block = kernels.find(({ name }) => name === "softmax")?.launch.block ?? [];
    const launched = calls.find((line) => line.startsWith("softmax_i32")) ?? "";
    expect(launched).toContain(` block ${block.join(" ")} shared 0 stream 0 params 0 args `);
    // Two pointers, then B and N as 32-bit integers.
    expect(launched).toMatch(/args ([0-9a-f]{16}){2}0300000004000000$/);
  });

  it("checks a condition on data on the device before the kernel runs", async () => {
    const { call } = await library();
    const [x, y] = [new Float32Array(6), new Float32Array(6)];
    const launched = await call("gather_assignments", {
      tensors: { x, source: new Int32Array(2), y },
      dims: { R: 2, T: 2, N: 3 },
      scalars: { k: 1 },
    });
    // The stand-in runs no kernel: nothing is noted, so that every condition holds.
    expect(launched.map((symbol) => symbol.replace(/_i\d+$/, ""))).toEqual([
      "gather_assignments_check",
      "gather_assignments",
    ]);
    expect(stub.calls()).toContain("hipMemset");
  });

  it("measures by events", async () => {
    const { time } = await library();
    expect(await time("softmax", softmax(3), 3)).toEqual([0.25, 0.25, 0.25]);
    expect(stub.calls().filter((line) => line === "hipEventDestroy")).toHaveLength(6);
  });

  it("launches nothing of what the launcher refuses", async () => {
    const { call } = await library();
    const { tensors, dims } = softmax(3);
    const outcome = call("softmax", { tensors: { ...tensors, y: new Float32Array(5) }, dims });
    await expect(outcome).rejects.toThrow(LaunchError);
    expect(stub.calls().join(" ")).not.toContain("hipModuleLaunchKernel");
  });

  it("says which launch HIP has refused, and changes nothing", async () => {
    const { call } = await library("hipModuleLaunchKernel");
    const args = softmax(3);
    await expect(call("softmax", args)).rejects.toThrow(
      "softmax: the device reports hipErrorLaunchFailure (719), HIP's answer to hipModuleLaunchKernel",
    );
    expect(args.tensors.y).toEqual(new Float32Array(12).fill(7));
  });

  it("names the tensor that finds no memory, and the sizes", async () => {
    const { call } = await library("hipMalloc");
    await expect(call("softmax", softmax(3))).rejects.toThrow(
      "softmax: x of 48 bytes cannot be allocated beside 0 bytes: hipErrorLaunchFailure (719), HIP's answer to hipMalloc",
    );
  });

  it.each(["hipMemcpy to the device", "hipDeviceSynchronize", "hipMemcpy to the host"])(
    "does not take %s for done",
    async (failing) => {
      const { call } = await library(failing);
      await expect(call("softmax", softmax(3))).rejects.toThrow(BridgeError);
    },
  );

  it.each(["hipModuleLoadData", "hipRuntimeGetVersion"])("does not open a device whose %s fails", async (failing) => {
    stub.calls();
    const options = { device, python, env: stub.env(failing), architecture: "gfx1101" };
    const opened = await openDeviceLibrary(folder, toolchain, options);
    expect(opened.ok ? [] : opened.diagnostics).toMatchObject([
      { code: "TK552", message: expect.stringContaining(`hipErrorLaunchFailure (719), HIP's answer to ${failing}`) },
    ]);
  });
});
