/** Builds that are kept for later runs: what is given back, and that nothing else is, whatever became of the files. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type KeptBuild, keepBuild, lookUpBuild, type TextHashes } from "../../src/compiler/build/kept-builds.ts";
import { sealBuild } from "../../src/compiler/build/write-build.ts";
import { sampleBody, sampleFiles, type Variant } from "./build-sample.ts";

const KILLS = 10;
const KEY = "a".repeat(64);
const TEXTS: TextHashes = [["kernels/linear.ts", "b".repeat(64)]];
const always = (): boolean => true;

let cache = "";
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "tokitai-kept-"));
});
afterEach(() => rmSync(cache, { recursive: true }));

const pathOf = (key: string): string => join(cache, "builds", `${key}.build`);

/** A build with a small library. */
function small(variant: Variant = "A"): KeptBuild {
  const files = sampleFiles(variant).map((file) =>
    typeof file.content === "string" ? file : { ...file, content: file.content.subarray(0, 100) },
  );
  return { build: sealBuild(files, sampleBody(variant)), report: "1 obligation: 1 proved ü", remarks: "" };
}

/** With all contents as bytes, as they come back. */
function inBytes({ build, ...rest }: KeptBuild): unknown {
  const files = build.files.map(({ content, ...file }) => ({ ...file, content: Buffer.from(content).toString("hex") }));
  return { ...rest, build: { ...build, files } };
}

it("gives back what was kept under the key, and asks about the texts", async () => {
  expect(lookUpBuild(cache, KEY, always)).toBeUndefined();
  expect(await keepBuild(cache, KEY, TEXTS, small())).toBeUndefined();
  const asked: TextHashes[] = [];
  const found = lookUpBuild(cache, KEY, (texts) => asked.push(texts) > 0);
  expect(found && inBytes(found)).toEqual(inBytes(small()));
  expect(asked).toEqual([TEXTS]);
  expect(lookUpBuild(cache, KEY, () => false)).toBeUndefined();
  expect(lookUpBuild(cache, "b".repeat(64), always)).toBeUndefined();
});

it("believes no entry of which a byte has changed (each seventh), that was cut off, or that lies under another key's name", async () => {
  await keepBuild(cache, KEY, TEXTS, small());
  const whole = readFileSync(pathOf(KEY));
  for (let at = 0; at < whole.length; at += 7) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(whole.readUInt8(at) ^ 1, at);
    writeFileSync(pathOf(KEY), bytes);
    expect(lookUpBuild(cache, KEY, always), `byte ${at}`).toBeUndefined();
    writeFileSync(pathOf(KEY), whole.subarray(0, at));
    expect(lookUpBuild(cache, KEY, always), `${at} bytes`).toBeUndefined();
  }
  writeFileSync(pathOf(KEY), Buffer.concat([whole, Buffer.from("x")]));
  expect(lookUpBuild(cache, KEY, always)).toBeUndefined();
  const other = "b".repeat(64);
  writeFileSync(pathOf(other), whole);
  expect(lookUpBuild(cache, other, always)).toBeUndefined();
  await keepBuild(cache, KEY, TEXTS, small());
  expect(readFileSync(pathOf(KEY)).equals(whole)).toBe(true);
});

it("says why a build cannot be kept, and goes on", async () => {
  writeFileSync(join(cache, "builds"), "");
  expect(await keepBuild(cache, KEY, TEXTS, small())).toMatch(/cannot be kept in .* \(E[A-Z]+\)$/);
  expect(lookUpBuild(cache, KEY, always)).toBeUndefined();
});

it("removes those that nothing was taken from for the longest time, and no file of another kind", async () => {
  const [old, used] = ["c".repeat(64), "d".repeat(64)];
  mkdirSync(join(cache, "builds"));
  for (const [key, age] of [
    [old, 2_000],
    [used, 1_000],
  ] as const) {
    writeFileSync(pathOf(key), "");
    truncateSync(pathOf(key), 200 * 1024 * 1024);
    const then = new Date(Date.now() - 1_000 * age);
    utimesSync(pathOf(key), then, then);
  }
  writeFileSync(join(cache, "builds", "notes"), "mine");
  await keepBuild(cache, KEY, TEXTS, small());
  expect(readdirSync(join(cache, "builds")).sort()).toEqual([`${KEY}.build`, `${used}.build`, "notes"]);
});

it("counts an entry as used when a build is taken from it", async () => {
  await keepBuild(cache, KEY, TEXTS, small());
  const then = new Date(Date.now() - 3_600_000);
  utimesSync(pathOf(KEY), then, then);
  lookUpBuild(cache, KEY, always);
  const other = "c".repeat(64);
  writeFileSync(pathOf(other), "");
  truncateSync(pathOf(other), 256 * 1024 * 1024);
  utimesSync(pathOf(other), new Date(Date.now() - 1_800_000), new Date(Date.now() - 1_800_000));
  await keepBuild(cache, "d".repeat(64), TEXTS, small());
  expect(readdirSync(join(cache, "builds")).sort()).toEqual([`${KEY}.build`, `${"d".repeat(64)}.build`]);
});

it("leaves nothing usable of what was being written when its process was killed", async () => {
  const child = fileURLToPath(new URL("kept-builds-child.ts", import.meta.url));
  const whole = (["A", "B"] as const).map((variant) => sealBuild(sampleFiles(variant), sampleBody(variant)).manifest);
  for (let round = 0; round < KILLS; round++) {
    const running = spawn(process.execPath, ["--import", "tsx", child, cache, KEY], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(running.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, 7 * round));
    running.kill("SIGKILL");
    await once(running, "close");
    const found = lookUpBuild(cache, KEY, always);
    expect(whole).toContain(found?.build.manifest);
    expect(readdirSync(join(cache, "builds"))).toEqual([`${KEY}.build`]);
  }
  await keepBuild(cache, KEY, TEXTS, small());
  expect(readdirSync(join(cache, "tmp"))).toEqual([]);
});
