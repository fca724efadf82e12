/** The bridge: whatever the child does, a request ends in bounded time with one clear error, and no process stays. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { Bridge, BridgeError } from "../../src/runtime/hip/bridge.ts";
import { Device } from "../../src/runtime/hip/device.ts";
import { encodeFrame, FrameReader, MalformedFrame } from "../../src/runtime/hip/frames.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-bridge-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a child of this test may use: `answer(header)` writes a frame, `request()` waits for one. */
const PRELUDE = `
const rest = [];
let held = Buffer.alloc(0);
let wake = () => {};
process.stdin.on("data", (chunk) => {
  held = Buffer.concat([held, chunk]);
  while (held.length >= 4 && held.length >= 4 + held.readUInt32LE(0)) {
    const header = JSON.parse(held.subarray(4, 4 + held.readUInt32LE(0)));
    const end = 4 + held.readUInt32LE(0) + header.body;
    if (held.length < end) break;
    rest.push({ ...header, bytes: held.subarray(end - header.body, end).toString("hex") });
    held = held.subarray(end);
    wake();
  }
});
const request = async () => {
  while (rest.length === 0) await new Promise((resolve) => { wake = resolve; });
  return rest.shift();
};
const answer = (header) => {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  process.stdout.write(Buffer.concat([length, text]));
};
`;

let count = 0;
let open: Bridge | undefined;
function bridgeTo(program: string): Bridge {
  const script = join(folder, `child${count++}.mjs`);
  writeFileSync(script, `${PRELUDE}${program}`);
  open = new Bridge({ python: process.execPath, script });
  return open;
}
afterEach(() => open?.close());

async function expectGone(pid: number | undefined): Promise<void> {
  if (pid === undefined) return;
  await expect
    .poll(
      () => {
        try {
          process.kill(pid, 0);
          return "there";
        } catch {
          return "gone";
        }
      },
      { timeout: 10_000 },
    )
    .toBe("gone");
}

describe("the bridge", () => {
  it("gives each request its answer, and the child the body", async () => {
    const bridge = bridgeTo(`
      for (;;) { const { id, op, bytes, x } = await request(); answer({ id, ok: true, op, bytes, double: 2 * x }); }
    `);
    expect(await bridge.request("one", { x: 21 }, 10_000)).toMatchObject({ op: "one", bytes: "", double: 42 });
    const body = Uint8Array.of(1, 2, 255);
    expect(await bridge.request("two", { x: 1 }, 10_000, body)).toMatchObject({ op: "two", bytes: "0102ff" });
  });

  it("says what the child refuses, and goes on", async () => {
    const bridge = bridgeTo(`
      const { id } = await request();
      answer({ id, ok: false, message: "no such kernel" });
      answer({ id: (await request()).id, ok: true });
    `);
    await expect(bridge.request("launch", {}, 10_000)).rejects.toThrow(new BridgeError("no such kernel"));
    expect(await bridge.request("launch", {}, 10_000)).toMatchObject({ ok: true });
  });

  it.each([
    [
      "dies",
      'await request(); console.error("out of memory"); process.exit(3);',
      /exit code 3; it wrote: out of memory/,
    ],
    ["is killed", 'await request(); process.kill(process.pid, "SIGSEGV");', /was ended by SIGSEGV/],
    [
      "hangs",
      "await request(); await new Promise((resolve) => setTimeout(resolve, 1e8));",
      /not answered work within 0.5 s/,
    ],
    [
      "stops in the middle of a frame",
      "await request(); process.stdout.write(Buffer.from([200, 0, 0, 0, 123]));",
      /not answered/,
    ],
    [
      "prints text",
      'await request(); process.stdout.write("Traceback: something went wrong\\\\n");',
      /a frame of \d+ bytes: "Traceback/,
    ],
    [
      "sends what is no JSON",
      "await request(); process.stdout.write(Buffer.from([2, 0, 0, 0, 123, 120]));",
      /a header that is no JSON/,
    ],
    [
      "answers another request",
      "const { id } = await request(); answer({ id: id + 7, ok: true });",
      /answers no request/,
    ],
    ["answers in another form", "await request(); answer([1, 2]);", /answers no request/],
    [
      "answers twice",
      "const { id } = await request(); answer({ id, ok: false, message: 'once' }); answer({ id, ok: true });",
      /once/,
    ],
  ])("ends a child that %s", async (_what, program, message) => {
    const bridge = bridgeTo(program);
    // What comes of itself gets time on a busy machine.
    const limit = message.source.includes("not answered") ? 500 : 20_000;
    await expect(bridge.request("work", {}, limit)).rejects.toThrow(message);
    bridge.close();
    await expectGone(bridge.pid);
    await expect(bridge.request("work", {}, 500)).rejects.toThrow(BridgeError);
  });

  it("says that the interpreter is not there", async () => {
    const bridge = new Bridge({ python: join(folder, "no-python") });
    await expect(bridge.request("hello", {}, 10_000)).rejects.toThrow(/no-python cannot be started/);
  });

  it("has one request under way at a time", async () => {
    const bridge = bridgeTo("const { id } = await request(); answer({ id, ok: true });");
    const first = bridge.request("one", {}, 10_000);
    await expect(bridge.request("two", {}, 10_000)).rejects.toThrow(/under way/);
    expect(await first).toMatchObject({ ok: true });
  });
});

describe("a device", () => {
  it("whose bridge speaks another protocol is not opened, and leaves nothing behind", async () => {
    const [python, note] = [join(folder, "other-python"), join(folder, "other-pid")];
    writeFileSync(
      python,
      `#!${process.execPath}
      require("node:fs").writeFileSync(${JSON.stringify(note)}, String(process.pid));
      ${PRELUDE}
      request().then(({ id, memory }) => {
        require("node:fs").appendFileSync(${JSON.stringify(note)}, " " + memory);
        answer({ id, ok: true, protocol: 1, runtime: "old" });
      });`,
      { mode: 0o755 },
    );
    const opening = Device.open({ device: { kind: "gpu" }, python, env: process.env });
    await expect(opening).rejects.toThrow(new BridgeError("the bridge speaks protocol 1, not 2"));
    const [pid, memory] = readFileSync(note, "utf8").split(" ");
    await expectGone(Number(pid));
    expect(existsSync(memory ?? "")).toBe(false);
  });
});

describe("frames", () => {
  it("are put together from chunks of any size", () => {
    const bytes = Buffer.concat([encodeFrame({ id: 1 }), encodeFrame({ id: 2, text: "äöü" })]);
    for (const size of [1, 3, 7, 1000]) {
      const reader = new FrameReader();
      const found: unknown[] = [];
      for (let at = 0; at < bytes.length; at += size) found.push(...reader.push(bytes.subarray(at, at + size)));
      expect(found).toEqual([
        { id: 1, body: 0 },
        { id: 2, text: "äöü", body: 0 },
      ]);
    }
  });

  it("are refused where the length is none", () => {
    expect(() => new FrameReader().push(Buffer.from("warning: …"))).toThrow(MalformedFrame);
  });
});
