import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { f32Tensor, f32Values } from "../../src/data/safetensors.ts";
import { type Checkpoint, latestCheckpoint, writeCheckpoint } from "../../src/moe/checkpoint.ts";
import type { Diagnostic } from "../../src/support/diagnostic.ts";
import type { Write } from "../../src/support/durable.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tokitai-checkpoint-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const configuration = { size: "nano", rate: 0.001 };
const nameOf = (step: number): string => `step-${String(step).padStart(8, "0")}.safetensors`;

function write(step: number, keep = 3, using?: Write) {
  const tensors = [f32Tensor("w", [2, 2], Float32Array.of(step, 1, 2, 3)), f32Tensor("b", [1], Float32Array.of(-step))];
  return writeCheckpoint(
    folder,
    step,
    tensors,
    { seed: 2n ** 63n, dataPosition: 64 * step, configuration },
    keep,
    using,
  );
}

function latest(wanted = configuration): { checkpoint: Checkpoint | undefined; warnings: readonly Diagnostic[] } {
  const found = latestCheckpoint(folder, wanted);
  if (!found.ok) throw new Error(found.diagnostics.map(({ message }) => message).join("; "));
  return found.value;
}

describe("a checkpoint", () => {
  it("is read back as it was written", () => {
    expect(write(123)).toEqual({ ok: true, value: join(folder, nameOf(123)) });
    const { checkpoint, warnings } = latest();
    expect(warnings).toEqual([]);
    expect(checkpoint).toMatchObject({ step: 123, seed: 2n ** 63n, dataPosition: 64 * 123, configuration });
    expect(checkpoint?.tensors.map((tensor) => [tensor.name, tensor.shape, f32Values(tensor, "")])).toEqual([
      ["w", [2, 2], { ok: true, value: Float32Array.of(123, 1, 2, 3) }],
      ["b", [1], { ok: true, value: Float32Array.of(-123) }],
    ]);
  });

  it("is kept while it is among the newest", () => {
    for (const step of [1, 2, 3, 4, 99_999_999, 100_000_000]) write(step, 2);
    expect(readdirSync(folder).sort()).toEqual([nameOf(100_000_000), nameOf(99_999_999)]);
    expect(latest().checkpoint?.step).toBe(100_000_000);
  });

  it("is absent where there is no folder or nothing in it", () => {
    expect(latest()).toEqual({ checkpoint: undefined, warnings: [] });
    expect(latestCheckpoint(join(folder, "absent"), configuration)).toEqual({
      ok: true,
      value: { checkpoint: undefined, warnings: [] },
    });
  });

  it("that is damaged is reported, passed over and kept", () => {
    for (const step of [1, 2, 3]) write(step);
    truncateSync(join(folder, nameOf(3)), statSync(join(folder, nameOf(3))).size - 1);
    writeFileSync(join(folder, nameOf(2)), readFileSync(join(folder, nameOf(1))));
    const { checkpoint, warnings } = latest();
    expect(checkpoint?.step).toBe(1);
    expect(warnings.map(({ code, severity, span }) => [code, severity, span?.file])).toEqual([
      ["TK577", "warning", join(folder, nameOf(3))],
      ["TK577", "warning", join(folder, nameOf(2))],
    ]);
    expect(readdirSync(folder)).toHaveLength(3);
  });

  it("of another configuration is refused, with what differs", () => {
    write(1);
    const found = latestCheckpoint(folder, { size: "tiny", rate: 0.001, experts: 4 });
    expect(found.ok ? [] : found.diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'TK578 the checkpoint is of another configuration: experts is absent there and 4 here; size is "nano" there and "tiny" here',
    ]);
  });
});

describe("a full disk", () => {
  it.each([0, 0.1, 0.9, 0.999])("after %f of the file leaves the last good checkpoint and nothing else", (share) => {
    for (const step of [1, 2]) write(step, 2);
    let left = Math.floor(share * statSync(join(folder, nameOf(2))).size);
    const full: Write = (file, bytes, offset) => {
      if (left === 0) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC", syscall: "write" });
      const count = writeSync(file, bytes, offset, Math.min(left, bytes.length - offset));
      left -= count;
      return count;
    };
    const before = readdirSync(folder).sort();
    expect(write(3, 2, full)).toMatchObject({
      ok: false,
      diagnostics: [{ code: "TK579", message: "the checkpoint of step 3 cannot be written: ENOSPC" }],
    });
    expect(readdirSync(folder).sort()).toEqual(before);
    expect(latest().checkpoint?.step).toBe(2);
  });
});

describe("a process that is killed", () => {
  it("leaves a whole newest checkpoint, 5 times", async () => {
    const child = fileURLToPath(new URL("checkpoint-child.ts", import.meta.url));
    let before = 0;
    for (let round = 0; round < 5; round++) {
      const writer = spawn(process.execPath, ["--import", "tsx", child, folder], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exit = once(writer, "exit");
      await Promise.race([once(writer.stdout, "data"), exit]);
      await sleep(Math.random() * 50);
      writer.kill("SIGKILL");
      expect((await exit)[1]).toBe("SIGKILL");
      const found = latestCheckpoint(folder, { size: "nano" });
      if (!found.ok) throw new Error(found.diagnostics[0]?.message);
      const { checkpoint, warnings } = found.value;
      expect(warnings).toEqual([]);
      const step = checkpoint?.step ?? 0;
      expect(step).toBeGreaterThan(before);
      for (const tensor of checkpoint?.tensors ?? []) {
        expect(f32Values(tensor, "")).toEqual({ ok: true, value: new Float32Array(100_000).fill(step) });
      }
      // Killed between the rename and the removal, it leaves one more than it keeps; and one temporary file at most.
      expect(readdirSync(folder).length).toBeLessThanOrEqual(4);
      before = step;
    }
  });
});
