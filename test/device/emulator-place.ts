/** Where the tests find the emulator, and what they say where there is none. */

import type { DeviceOptions, WaveOrder } from "../../src/runtime/hip/device.ts";
import { bridgePython } from "../../src/runtime/hip/python.ts";

/** A checkout of tinygrad; empty where none is named. */
export const TINYGRAD = process.env["TOKITAI_TINYGRAD"] ?? "";

export function sayThatThereIsNone(what: string): void {
  process.stderr.write(`${what} not executed: TOKITAI_TINYGRAD names no checkout of tinygrad\n`);
}

export function emulator(checkout: string, order: WaveOrder = "forward", seed = 1): DeviceOptions {
  const device = { kind: "emulator", tinygrad: checkout, order, seed } as const;
  return { device, python: bridgePython(process.env), env: process.env };
}
