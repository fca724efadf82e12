import { describe, expect, it } from "vitest";
import { type ManifestFile, parseManifest } from "../../src/compiler/build/manifest.ts";
import { MANIFEST_FORMAT, renderManifest, sealManifest } from "../../src/compiler/build/manifest-text.ts";
import { sampleBody } from "./build-sample.ts";

const FILES: readonly ManifestFile[] = [
  { role: "library", target: "cpu", name: "moe.cpu.0123456789ab.so", sha256: "c".repeat(64), bytes: 12 },
];
const manifest = sealManifest(sampleBody("A"), FILES);
const text = renderManifest(manifest);

const codeOf = (changed: string): string => {
  const result = parseManifest(changed, "out/manifest.json");
  return result.ok ? "accepted" : result.diagnostics.map(({ code }) => code).join();
};

describe("a manifest", () => {
  it("is read back as it was written", () => {
    expect(parseManifest(text, "out/manifest.json")).toEqual({ ok: true, value: manifest });
  });

  it("has a text that does not depend on the order of keys", () => {
    const { abi, ...rest } = sampleBody("A");
    expect(renderManifest(sealManifest({ abi, ...rest }, FILES))).toBe(text);
  });

  it("is refused after a change of any single byte", () => {
    const bytes = Buffer.from(text);
    for (let position = 0; position < bytes.length; position++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(position) ^ 1, position);
      expect(["TK502", "TK503", "TK504"], `byte ${position}`).toContain(codeOf(changed.toString("utf8")));
    }
  });

  it("is refused with white space or a byte appended or removed", () => {
    expect(codeOf(`${text} `)).toBe("TK504");
    expect(codeOf(text.slice(0, -1))).toBe("TK504");
    expect(codeOf(JSON.stringify(manifest))).toBe("TK504");
  });

  it("of another format is refused by its number", () => {
    const result = parseManifest(text.replace(`"format": ${MANIFEST_FORMAT}`, '"format": 99'), "out/manifest.json");
    expect(result.ok ? [] : result.diagnostics).toMatchObject([
      { code: "TK503", message: `out/manifest.json has format 99, and this tokitai reads format ${MANIFEST_FORMAT}` },
    ]);
  });

  it("names the place of a wrong field", () => {
    const { kernels, ...rest } = sampleBody("A");
    const [kernel] = kernels;
    if (kernel === undefined) throw new Error("the sample has a kernel");
    const negative = { ...kernel, launch: { ...kernel.launch, sharedBytes: -1 } };
    const result = parseManifest(renderManifest(sealManifest({ ...rest, kernels: [negative] }, FILES)), "m");
    expect(result.ok ? "" : result.diagnostics[0]?.message).toContain("kernels.0.launch.sharedBytes");
  });

  it("cannot carry a verdict other than proved", () => {
    expect(codeOf(text.replace('"verdict": "proved"', '"verdict": "unknown"'))).toBe("TK502");
  });

  it("cannot name a file outside its folder", () => {
    const outside = FILES.map((file) => ({ ...file, name: "../moe.cpu.0123456789ab.so" }));
    expect(codeOf(renderManifest(sealManifest(sampleBody("A"), outside)))).toBe("TK502");
  });
});
