import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MANIFEST_NAME } from "../../src/compiler/build/manifest-text.ts";
import { openBuild, readManifest, verifyFiles } from "../../src/compiler/build/output.ts";
import { contentName, writeBuild } from "../../src/compiler/build/write-build.ts";
import type { Result } from "../../src/support/result.ts";
import { sampleBody, sampleFiles, type Variant } from "./build-sample.ts";

const KILLS = 10;
const JOURNAL = ".tokitai-journal.json";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tokitai-output-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.diagnostics.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}

function codesOf(result: Result<unknown>): readonly string[] {
  return result.ok ? [] : result.diagnostics.map(({ code }) => code);
}

const namesOf = (variant: Variant): string[] => [MANIFEST_NAME, ...sampleFiles(variant).map(contentName)].sort();
const write = (variant: Variant) => writeBuild(folder, sampleFiles(variant), sampleBody(variant));

describe("an output folder", () => {
  it("holds the files named by content and a manifest that verifies", async () => {
    const manifest = unwrap(await write("A"));
    expect(readdirSync(folder).sort()).toEqual(namesOf("A"));
    expect(unwrap(openBuild(folder))).toEqual(manifest);
    expect(manifest.files.map(({ name }) => name)).toEqual([
      expect.stringMatching(/^moe\.cpu\.[0-9a-f]{12}\.so$/),
      expect.stringMatching(/^moe\.[0-9a-f]{12}\.h$/),
      expect.stringMatching(/^moe\.[0-9a-f]{12}\.d\.ts$/),
    ]);
  });

  it("has the same bytes however often the build is written", async () => {
    unwrap(await write("A"));
    const first = readFileSync(join(folder, MANIFEST_NAME));
    unwrap(await write("B"));
    unwrap(await write("A"));
    expect(readFileSync(join(folder, MANIFEST_NAME)).equals(first)).toBe(true);
  });

  it("loses the old build's files when a new one is written, and no other file", async () => {
    unwrap(await write("A"));
    writeFileSync(join(folder, "notes.txt"), "mine");
    writeFileSync(join(folder, "moe.cpu.0123456789ab.so"), "also mine");
    unwrap(await write("B"));
    expect(readdirSync(folder).sort()).toEqual([...namesOf("B"), "moe.cpu.0123456789ab.so", "notes.txt"].sort());
  });

  it("refuses to overwrite a manifest.json that is not tokitai's", async () => {
    writeFileSync(join(folder, MANIFEST_NAME), '{"short_name": "a web app"}');
    expect(codesOf(await write("A"))).toEqual(["TK507"]);
    expect(readdirSync(folder)).toEqual([MANIFEST_NAME]);
  });

  it("is refused when it cannot be written", async () => {
    writeFileSync(join(folder, "file"), "");
    const result = await writeBuild(join(folder, "file"), sampleFiles("A"), sampleBody("A"));
    expect(codesOf(result)).toEqual(["TK507"]);
  });

  it("is written by one process at a time", async () => {
    const results = await Promise.all((["A", "B", "A", "B"] as const).map((variant) => write(variant)));
    expect(results.every(({ ok }) => ok)).toBe(true);
    const { name } = unwrap(openBuild(folder));
    expect(name).toBe("moe");
    expect([namesOf("A"), namesOf("B")]).toContainEqual(readdirSync(folder).sort());
  });

  it("removes what a build that was killed has left behind", async () => {
    unwrap(await write("A"));
    const orphan = sampleFiles("B").map(contentName);
    writeFileSync(join(folder, JOURNAL), JSON.stringify({ names: orphan }));
    for (const name of orphan) writeFileSync(join(folder, name), "orphan");
    writeFileSync(join(folder, `.${orphan[0]}.tmp`), "half");
    unwrap(await write("A"));
    expect(readdirSync(folder).sort()).toEqual(namesOf("A"));
  });

  it("does not follow a journal out of the folder", async () => {
    const victim = `${folder}-victim.0123456789ab.so`;
    writeFileSync(victim, "keep");
    writeFileSync(join(folder, JOURNAL), JSON.stringify({ names: [`../${victim.split("/").at(-1)}`] }));
    unwrap(await write("A"));
    expect(existsSync(victim)).toBe(true);
    rmSync(victim);
  });
});

describe("reading an output folder", () => {
  it("refuses a folder without a manifest", () => {
    expect(codesOf(readManifest(folder))).toEqual(["TK501"]);
  });

  it("names each missing and each altered file", async () => {
    const manifest = unwrap(await write("A"));
    const [library, header] = manifest.files.map(({ name }) => join(folder, name));
    const bytes = readFileSync(library ?? "");
    bytes.writeUInt8(bytes.readUInt8(1234) ^ 1, 1234);
    writeFileSync(library ?? "", bytes);
    rmSync(header ?? "");
    expect(codesOf(verifyFiles(folder, manifest))).toEqual(["TK506", "TK505"]);
    expect(codesOf(openBuild(folder))).toEqual(["TK506", "TK505"]);
  });

  it("refuses a file that is one byte longer", async () => {
    const manifest = unwrap(await write("A"));
    const path = join(folder, manifest.files[1]?.name ?? "");
    writeFileSync(path, `${readFileSync(path, "utf8")} `);
    expect(codesOf(openBuild(folder))).toEqual(["TK506"]);
  });
});

describe("a build that is killed", () => {
  // A fixed sequence of delays spreads the kills over the writing of files, manifest and removal.
  const delays = Array.from({ length: KILLS }, (_, kill) => (kill * 37) % 61);

  it(`leaves one whole build, ${KILLS} times`, async () => {
    const child = fileURLToPath(new URL("build-child.ts", import.meta.url));
    for (const delay of delays) {
      const writer = spawn(process.execPath, ["--import", "tsx", child, folder], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const closed = once(writer, "close");
      await once(writer.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, delay));
      writer.kill("SIGKILL");
      expect((await closed)[1]).toBe("SIGKILL");
      const manifest = unwrap(openBuild(folder));
      const [source] = manifest.sources;
      const variant = source?.sha256.startsWith("a") ? "A" : "B";
      expect(manifest.files.map(({ name }) => name)).toEqual(sampleFiles(variant).map(contentName));
    }
    // And the next build finds its way, and leaves nothing of the killed ones.
    unwrap(await write("A"));
    expect(readdirSync(folder).sort()).toEqual(namesOf("A"));
  });
});
