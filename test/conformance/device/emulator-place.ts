/** Where the tests find the emulator, and what they say where there is none. */

import { describe, it } from "vitest";
import { INSTALL } from "../../../src/compiler/build/toolchain.ts";
import type { DeviceOptions, WaveOrder } from "../../../src/runtime/hip/device.ts";
import { bridgePython } from "../../../src/runtime/hip/python.ts";

/** A checkout of tinygrad; empty where none is named. */
export const TINYGRAD = process.env["TOKITAI_TINYGRAD"] ?? "";

/** In place of the tests that need a checkout: one that is skipped, and says why. */
export function sayThatThereIsNone(what: string): void {
  const reason = "TOKITAI_TINYGRAD names no checkout of tinygrad";
  process.stderr.write(`${what}: not executed: ${reason}\n`);
  it(what, (context) => context.skip(reason));
}

/** `describe` where there is a checkout. */
export function describeExecuted(name: string, timeout: number, body: () => void): void {
  if (TINYGRAD === "") sayThatThereIsNone(name);
  else describe(name, { timeout }, body);
}

export function sayThatItIsNotBuilt(architecture: string): void {
  process.stderr.write(`machine code for ${architecture} is not executed: ${INSTALL.newClang}\n`);
}

export function emulator(checkout: string, order: WaveOrder = "forward", seed = 1): DeviceOptions {
  const device = { kind: "emulator", tinygrad: checkout, order, seed } as const;
  return { device, python: bridgePython(process.env), env: process.env };
}
