/**
 * A device behind the bridge: its buffers and calls, each one request to a child process.
 *
 * Tensors go through a file that both processes map, in pieces of its size, so that no tensor is too large for it.
 */

import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { TensorData } from "../cpu/arguments.ts";
import { Bridge, BridgeError } from "./bridge.ts";

/** In which order the emulator runs blocks and waves; a shuffled run also changes between waves in the middle of them. */
export const WAVE_ORDERS = ["forward", "reverse", "shuffled"] as const;
export type WaveOrder = (typeof WAVE_ORDERS)[number];

export type DeviceChoice =
  | { readonly kind: "gpu" }
  | {
      readonly kind: "emulator";
      /** A checkout of tinygrad. */
      readonly tinygrad: string;
      readonly order?: WaveOrder;
      readonly seed?: number;
    };

export interface DeviceOptions {
  readonly device: DeviceChoice;
  /** The Python interpreter: for a GPU one that has hip-python, for the emulator any. */
  readonly python: string;
  readonly env: NodeJS.ProcessEnv;
  /** The most that one call may take, in milliseconds. */
  readonly timeoutMs?: number;
}

/** A member of a call's struct, as the child packs it. */
export type Field =
  | { readonly kind: "tensor"; readonly buffer: number; readonly bytes: number; readonly dtype: number }
  | { readonly kind: "int"; readonly value: string }
  /** The eight bytes of the number, lowest first, as hexadecimal digits. */
  | { readonly kind: "double"; readonly value: string };

/** What a launcher says of a call; `symbols` are the kernels that were launched. */
const outcomeSchema = z.object({
  status: z.number(),
  text: z.string(),
  symbols: z.array(z.string()).optional(),
  milliseconds: z.array(z.number()).optional(),
  bytes: z.number().optional(),
});
export type Outcome = z.output<typeof outcomeSchema>;

const devicesSchema = z.array(
  z.object({ name: z.string(), memory: z.number().optional(), architectures: z.array(z.string()).optional() }),
);
export type DeviceDescription = z.output<typeof devicesSchema>[number];

/** What `bridge.py` answers to `hello`. */
const PROTOCOL = 2;
const PIECE_BYTES = 2 ** 24;
const SHORT_MS = 60_000;
const CALL_MS = 600_000;

export class Device {
  /** What executes: HIP and its version, or the emulator. */
  readonly runtime: string;
  readonly #bridge: Bridge;
  readonly #memory: { readonly descriptor: number; readonly room: string };
  readonly #timeoutMs: number;

  private constructor(
    bridge: Bridge,
    memory: { readonly descriptor: number; readonly room: string },
    runtime: string,
    timeoutMs: number,
  ) {
    this.#bridge = bridge;
    this.#memory = memory;
    this.runtime = runtime;
    this.#timeoutMs = timeoutMs;
  }

  /** Starts the child and has it open the device; rejects with `BridgeError` where it cannot. */
  static async open({ device, python, env, timeoutMs = CALL_MS }: DeviceOptions): Promise<Device> {
    const room = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "tokitai-memory-"));
    const path = join(room, "memory");
    const descriptor = openSync(path, "w+");
    ftruncateSync(descriptor, PIECE_BYTES);
    const bridge = new Bridge({ python, env });
    const { kind, ...rest } = device.kind === "gpu" ? device : { order: "forward", seed: 1, ...device };
    try {
      const hello = { device: kind, ...rest, memory: path, bytes: PIECE_BYTES };
      const { protocol, runtime } = await bridge.request("hello", hello, SHORT_MS);
      if (protocol !== PROTOCOL) throw new BridgeError(`the bridge speaks protocol ${protocol}, not ${PROTOCOL}`);
      return new Device(bridge, { descriptor, room }, String(runtime), timeoutMs);
    } catch (cause) {
      bridge.close();
      release({ descriptor, room });
      throw cause;
    }
  }

  async devices(): Promise<readonly DeviceDescription[]> {
    const { devices } = await this.#bridge.request("devices", {}, SHORT_MS);
    return devicesSchema.parse(devices);
  }

  /** Loads a library and its code object for the architecture; `room` is the header's TOK_MAX_LAUNCH_ARGS. */
  async load(library: string, room: number, architecture: string, code: Uint8Array): Promise<void> {
    await this.#bridge.request("load", { library, room, architecture }, SHORT_MS, code);
  }

  /** A buffer of the device; the name is for the error where there is no room. Its address is a multiple of `alignment`. */
  async allocate(tensor: string, bytes: number, alignment: number): Promise<number> {
    const { buffer } = await this.#bridge.request("alloc", { tensor, bytes, alignment }, SHORT_MS);
    return Number(buffer);
  }

  async free(buffer: number): Promise<void> {
    await this.#bridge.request("free", { buffer }, SHORT_MS);
  }

  async upload(buffer: number, data: TensorData): Promise<void> {
    for (let at = 0; at < data.byteLength; at += PIECE_BYTES) {
      const bytes = Math.min(PIECE_BYTES, data.byteLength - at);
      writeSync(this.#memory.descriptor, data, at, bytes, 0);
      await this.#bridge.request("upload", { buffer, at, bytes }, SHORT_MS);
    }
  }

  async download(buffer: number, data: TensorData): Promise<void> {
    for (let at = 0; at < data.byteLength; at += PIECE_BYTES) {
      const bytes = Math.min(PIECE_BYTES, data.byteLength - at);
      await this.#bridge.request("download", { buffer, at, bytes }, SHORT_MS);
      readSync(this.#memory.descriptor, data, at, bytes, 0);
    }
  }

  /** Calls a kernel's or a program's launcher, and waits for the device. */
  async launch(call: string, fields: readonly Field[]): Promise<Outcome> {
    return outcomeSchema.parse(await this.#bridge.request("launch", { call, fields }, this.#timeoutMs));
  }

  /** Calls it so many times; `milliseconds` are the device's, of each call. */
  async time(call: string, fields: readonly Field[], repeats: number): Promise<Outcome> {
    return outcomeSchema.parse(await this.#bridge.request("time", { call, fields, repeats }, this.#timeoutMs));
  }

  async workspace(program: string, dims: readonly bigint[]): Promise<Outcome> {
    return outcomeSchema.parse(await this.#bridge.request("workspace", { program, dims: dims.map(Number) }, SHORT_MS));
  }

  /** Ends the child; no process and no file stays behind. */
  close(): void {
    this.#bridge.close();
    release(this.#memory);
  }
}

function release({ descriptor, room }: { readonly descriptor: number; readonly room: string }): void {
  closeSync(descriptor);
  rmSync(room, { recursive: true, force: true });
}
