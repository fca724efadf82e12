import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startProgress } from "../../src/cli/progress.ts";

/** A stream that keeps what is written to it. */
function sink(isTTY: boolean) {
  const written: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk, _, done) => {
      written.push(String(chunk));
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY, columns: 120 }), text: () => written.join("") };
}

const WORK = { doing: "proving", things: "obligations" };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("progress in a log", () => {
  it("is a line every ten seconds, and none for what takes less", async () => {
    const { stream, text } = sink(false);
    const progress = startProgress({ ...WORK, stream });
    progress.update(0, 8);
    await vi.advanceTimersByTimeAsync(9_900);
    expect(text()).toBe("");
    progress.update(3, 12);
    await vi.advanceTimersByTimeAsync(200);
    progress.update(7, 12);
    await vi.advanceTimersByTimeAsync(10_000);
    progress.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(text()).toBe("proving: 3 of 12 obligations\nproving: 7 of 12 obligations\n");
  });
});

describe("progress on a terminal", () => {
  it("is nothing within a second", async () => {
    const { stream, text } = sink(true);
    const progress = startProgress({ ...WORK, stream });
    progress.update(3, 12);
    await vi.advanceTimersByTimeAsync(900);
    progress.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(text()).toBe("");
  });

  it("is a bar after that, with what is done by then", async () => {
    // The bar's library is loaded when the second is over.
    await import("cli-progress");
    const { stream, text } = sink(true);
    const progress = startProgress({ ...WORK, stream });
    progress.update(3, 12);
    await vi.advanceTimersByTimeAsync(1_100);
    await vi.dynamicImportSettled();
    progress.update(5, 12);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(text()).toContain("proving [");
    expect(text()).toContain("3 of 12 obligations");
    expect(text()).toContain("5 of 12 obligations");
    progress.stop();
    const before = text();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(text()).toBe(before);
  });
});
