import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BuiltLibrary, buildCpu, buildHip } from "../../src/compiler/build/compile.ts";
import type { SourceText } from "../../src/compiler/build/objects.ts";
import { readResources } from "../../src/compiler/build/resources.ts";
import { runTool, toolEnvironment } from "../../src/compiler/build/run-tool.ts";
import { findToolchain, type Toolchain } from "../../src/compiler/build/toolchain.ts";
import { TARGETS } from "../../src/compiler/targets.ts";
import type { Result } from "../../src/support/result.ts";

const CPU_SOURCES: readonly SourceText[] = [
  { name: "sum.h", text: '#define TOK_API __attribute__((visibility("default")))\n' },
  {
    name: "sum.cpp",
    text: `#include "sum.h"
#include <cmath>
namespace { float square(float x) { return x * x; } }
int hidden(int x) { return x + 1; }
extern "C" TOK_API double tok_norm(const float* x, long n) {
  double sum = 0;
#pragma omp parallel for reduction(+ : sum)
  for (long i = 0; i < n; i++) sum += square(x[i]);
  return std::sqrt(sum);
}
`,
  },
];

const HIP_SOURCES: readonly SourceText[] = [
  {
    name: "scale.hip.cpp",
    text: `#include <hip/hip_runtime.h>
extern "C" __global__ void __launch_bounds__(128) scale(const float* x, float* y, int n) {
  __shared__ float tile[128];
  const int i = blockIdx.x * 128 + threadIdx.x;
  tile[threadIdx.x] = i < n ? erff(x[i]) : 0.0f;
  __syncthreads();
  if (i < n) y[i] = 2.0f * tile[127 - threadIdx.x];
}
extern "C" __attribute__((visibility("default"))) int tok_scale(const float* x, float* y, int n) {
  scale<<<(n + 127) / 128, 128>>>(x, y, n);
  return static_cast<int>(hipGetLastError());
}
`,
  },
];

let toolchain: Toolchain;
let root = "";
let cache = "";
let serial = 0;
beforeAll(async () => {
  toolchain = await findToolchain(process.env);
  root = mkdtempSync(join(tmpdir(), "tokitai-build-"));
});
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  cache = join(root, `cache${serial++}`);
});

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.diagnostics.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}

const without = (...missing: readonly (keyof Toolchain)[]): Toolchain => ({
  ...toolchain,
  ...Object.fromEntries(missing.map((name) => [name, undefined])),
});
const cpu = (sources: readonly SourceText[] = CPU_SOURCES) => buildCpu({ toolchain, cache, sources });

describe("the CPU library", () => {
  it("exports what is marked, and computes", async () => {
    const built = unwrap(await cpu());
    const library = koffi.load(built.path);
    const norm = library.func("double tok_norm(const float *x, long n)");
    expect(norm(new Float32Array([3, 4]), 2)).toBe(5);
    expect(() => library.func("int hidden(int x)")).toThrow();
    expect(() => library.func("int _Z6hiddeni(int x)")).toThrow();
    // Not unloaded: the threads of its OpenMP runtime live on.
  });

  it("has the same bytes in another cache folder, plain and sanitized", async () => {
    for (const sanitize of [false, true]) {
      const hashes: string[] = [];
      for (const name of ["one", "another-folder"]) {
        const built = unwrap(await buildCpu({ toolchain, cache: join(cache, name), sources: CPU_SOURCES, sanitize }));
        expect(built.cached).toBe(false);
        expect(Buffer.from(built.bytes).includes(cache)).toBe(false);
        hashes.push(built.sha256);
      }
      expect(hashes[0], `sanitize: ${sanitize}`).toBe(hashes[1]);
    }
  });

  it("comes from the cache the second time, and not after a change of source or flags", async () => {
    const first = unwrap(await cpu());
    const second = unwrap(await cpu());
    expect([first.cached, second.cached]).toEqual([false, true]);
    expect(second).toEqual({ ...first, cached: true });
    const changed = CPU_SOURCES.map(({ name, text }) => ({ name, text: `${text}\n` }));
    expect(unwrap(await cpu(changed)).cached).toBe(false);
    const native = await buildCpu({ toolchain, cache, sources: CPU_SOURCES, march: "x86-64-v2" });
    expect(unwrap(native).cached).toBe(false);
  });

  it("is built again when the cache's copy or its record is damaged", async () => {
    const first = unwrap(await cpu());
    const damage: readonly ((path: string) => void)[] = [
      (path) => writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, -1), Buffer.from([7])])),
      (path) => writeFileSync(path, ""),
      (path) => writeFileSync(path.replace(/so$/, "json"), "{"),
      (path) => rmSync(path.replace(/so$/, "json")),
    ];
    for (const harm of damage) {
      harm(first.path);
      const again = unwrap(await cpu());
      expect(again.cached).toBe(false);
      expect(again.sha256).toBe(first.sha256);
      expect(unwrap(await cpu()).cached).toBe(true);
    }
  });

  it("leaves nothing but the entry in the cache", async () => {
    unwrap(await cpu());
    await cpu([{ name: "bad.cpp", text: "int x = ;" }]);
    expect(readdirSync(join(cache, "tmp"))).toEqual([]);
    // Of the library and of its only object, each with its record.
    expect(
      readdirSync(join(cache, "build"))
        .map((name) => name.replace(/^.*\./, ""))
        .sort(),
    ).toEqual(["json", "json", "o", "so"]);
  });

  it("that does not compile is refused with the command, the first errors and what to install", async () => {
    const result = await cpu([{ name: "bad.cpp", text: "int main() { return missing_name; }\n" }]);
    expect(result).toMatchObject({ ok: false, diagnostics: [{ code: "TK402", fix: expect.stringContaining("g++") }] });
    const message = result.ok ? "" : (result.diagnostics[0]?.message ?? "");
    expect(message).toMatch(/failed with exit code 1\n {2}command {3}\S+ -std=c\+\+17 /);
    expect(message).toMatch(/bad\.cpp:1:21: error: .*missing_name/);
  });

  it("is refused at link time when a function is missing", async () => {
    const text =
      'extern int nowhere();\nextern "C" __attribute__((visibility("default"))) int tok_f() { return nowhere(); }\n';
    const result = await cpu([{ name: "link.cpp", text }]);
    expect(result.ok ? "" : result.diagnostics[0]?.message).toContain("nowhere");
  });

  it("is refused when the compiler takes too long, when there is none, and when the cache is unusable", async () => {
    const slow = await buildCpu({ toolchain, cache, sources: CPU_SOURCES, timeoutMs: 1 });
    const none = await buildCpu({ toolchain: without("cxx"), cache, sources: CPU_SOURCES });
    writeFileSync(cache.concat(".file"), "");
    const unusable = await buildCpu({ toolchain, cache: cache.concat(".file"), sources: CPU_SOURCES });
    const codes = [slow, none, unusable].map((result) => (result.ok ? "built" : result.diagnostics[0]?.code));
    expect(codes).toEqual(["TK403", "TK401", "TK407"]);
  });
});

describe("an object", () => {
  const API = { name: "api.h", text: '#define TOK_API __attribute__((visibility("default")))\n#define SCALE 3\n' };
  const KERNELS: SourceText = {
    name: "kernels.cpp",
    text: '#include "shared.h"\nint scaled(int x) { return SCALE * x; }\n',
    part: "kernels",
  };
  const SHARED = { name: "shared.h", text: '#include "api.h"\nint scaled(int x);\n' };
  const caller = (name: string, plus: number): SourceText => ({
    name: `${name}.cpp`,
    text: `#include "shared.h"\nextern "C" TOK_API int tok_${name}(int x) { return scaled(x) + ${plus}; }\n`,
    part: "launchers",
  });

  /** Builds libraries side by side by a compiler that writes down its calls; of those that compile, "file -O…". */
  async function compiled(libraries: readonly (readonly SourceText[])[], sanitize = false) {
    const [log, recording] = [join(root, "calls"), join(root, "recording-cxx")];
    const { cxx } = toolchain;
    if (cxx === undefined) throw new Error("no C++ compiler is installed");
    writeFileSync(log, "");
    writeFileSync(recording, `#!/bin/sh\necho "$*" >> ${log}\nsleep 0.2\nexec ${cxx.path} "$@"\n`, { mode: 0o755 });
    const request = { toolchain: { ...toolchain, cxx: { ...cxx, path: recording } }, cache, sanitize };
    const results = await Promise.all(libraries.map((sources) => buildCpu({ ...request, sources })));
    const units = readFileSync(log, "utf8")
      .split("\n")
      .flatMap((line) => {
        const file = / -c (\S+)/.exec(line)?.[1];
        return file === undefined ? [] : [`${file} ${line.match(/-O\d/g)?.at(-1)}`];
      });
    return { built: results.map((result) => unwrap(result)), units: units.sort() };
  }

  const call = (built: BuiltLibrary | undefined, name: string): number =>
    koffi.load(built?.path ?? "").func(`int tok_${name}(int x)`)(5);

  it("of kernels is compiled once for all libraries that have the same", async () => {
    const first = await compiled([[caller("one", 1), KERNELS, SHARED, API]]);
    expect(first.units).toEqual(["kernels.cpp -O3", "one.cpp -O1"]);
    const second = await compiled([[caller("two", 2), KERNELS, SHARED, API]]);
    expect(second.units).toEqual(["two.cpp -O1"]);
    expect([call(first.built[0], "one"), call(second.built[0], "two")]).toEqual([16, 17]);
  });

  it("is made anew where a file has changed that another includes, or the flags", async () => {
    await compiled([[caller("one", 1), KERNELS, SHARED, API]]);
    const changed = { ...API, text: API.text.replace("3", "4") };
    const again = await compiled([[caller("one", 1), KERNELS, SHARED, changed]]);
    expect(again.units).toEqual(["kernels.cpp -O3", "one.cpp -O1"]);
    expect(call(again.built[0], "one")).toBe(21);
    const sanitized = await compiled([[caller("one", 1), KERNELS, SHARED, API]], true);
    expect(sanitized.units).toEqual(["kernels.cpp -O1", "one.cpp -O0"]);
  });

  it("is made anew where the cache's copy is damaged", async () => {
    await compiled([[caller("one", 1), KERNELS, SHARED, API]]);
    for (const name of readdirSync(join(cache, "build"))) {
      if (name.endsWith(".o")) writeFileSync(join(cache, "build", name), "no object");
    }
    const again = await compiled([[caller("two", 2), KERNELS, SHARED, API]]);
    expect(again.units).toEqual(["kernels.cpp -O3", "two.cpp -O1"]);
    expect(call(again.built[0], "two")).toBe(17);
  });

  it("that somebody else is compiling is waited for", async () => {
    const both = [caller("one", 1), caller("two", 2)].map((one) => [one, KERNELS, SHARED, API]);
    const { built, units } = await compiled(both);
    expect(units).toEqual(["kernels.cpp -O3", "one.cpp -O1", "two.cpp -O1"]);
    expect([call(built[0], "one"), call(built[1], "two")]).toEqual([16, 17]);
  });

  it("that somebody else has been compiling for half of the time is compiled anew", async () => {
    const [first, slow] = [join(root, "first"), join(root, "slow-cxx")];
    const { cxx } = toolchain;
    if (cxx === undefined) throw new Error("no C++ compiler is installed");
    // Whoever makes the folder is the first, and takes 20 seconds.
    writeFileSync(slow, `#!/bin/sh\nmkdir ${first} && sleep 20\nexec ${cxx.path} "$@"\n`, { mode: 0o755 });
    const request = { toolchain: { ...toolchain, cxx: { ...cxx, path: slow } }, cache, sources: CPU_SOURCES };
    const waiting = buildCpu(request);
    while (!existsSync(first)) await new Promise((resolve) => setTimeout(resolve, 10));
    const built = unwrap(await buildCpu({ ...request, timeoutMs: 8_000 }));
    expect(built.cached).toBe(false);
    // The first one still compiles, and comes to the same.
    expect(unwrap(await waiting).sha256).toBe(built.sha256);
  });
});

describe("the HIP library", () => {
  const hip = (architectures: readonly string[], tc = toolchain): Promise<Result<BuiltLibrary>> =>
    buildHip({ toolchain: tc, cache, sources: HIP_SOURCES, architectures });
  const needsHipcc = (skip: (reason: string) => void): void => {
    if (toolchain.hipcc === undefined) skip("hipcc is not installed");
  };

  it("holds code for every architecture asked for, with the resources that the compiler reports", async ({ skip }) => {
    needsHipcc(skip);
    const built = unwrap(await hip(["gfx1101", "gfx1030", "gfx90a"]));
    expect(built.architectures).toEqual(["gfx90a", "gfx1030", "gfx1101"]);
    const resources = unwrap(await readResources(built.path, toolchain));
    expect(resources.map(({ architecture, kernel, waveSize }) => [architecture, kernel, waveSize])).toEqual([
      ["gfx1030", "scale", 32],
      ["gfx1101", "scale", 32],
      ["gfx90a", "scale", 64],
    ]);
    for (const row of resources) {
      expect(row).toMatchObject({ ldsBytes: 512, maxThreads: 128, vgprSpills: 0, scratchBytes: 0 });
      expect(row.vgprs).toBeGreaterThan(0);
      expect(row.sgprs).toBeGreaterThan(0);
    }
  });

  it("has the same bytes in another cache folder, and comes from the cache the second time", async ({ skip }) => {
    needsHipcc(skip);
    const first = unwrap(await hip(["gfx1101"]));
    cache = join(cache, "elsewhere");
    const second = unwrap(await hip(["gfx1101"]));
    const third = unwrap(await hip(["gfx1101"]));
    expect([first.cached, second.cached, third.cached]).toEqual([false, false, true]);
    expect(second.sha256).toBe(first.sha256);
    expect(Buffer.from(second.bytes).includes(root)).toBe(false);
  });

  it("uses complete device libraries as they are, and completes others for every target", async ({ skip }) => {
    needsHipcc(skip);
    unwrap(await hip(["gfx1030"]));
    expect(existsSync(join(cache, "device-libraries"))).toBe(false);
    unwrap(await hip(["gfx1100"]));
    const installed = toolchain.deviceLibraries?.files ?? [];
    if (installed.includes("oclc_isa_version_1100.bc")) skip("the installed device libraries are complete");
    const [folder] = readdirSync(join(cache, "device-libraries"));
    const made = join(cache, "device-libraries", folder ?? "");
    const added = readdirSync(made).filter((file) => !installed.includes(file));
    const targets = TARGETS.map(({ architecture }) => `oclc_isa_version_${architecture.slice("gfx".length)}.bc`);
    expect(added).toContain("oclc_isa_version_1101.bc");
    expect(added).toEqual(targets.filter((file) => !installed.includes(file)).sort());
    const disassembler = toolchain.llvmDis?.path ?? "";
    const options = { env: toolEnvironment(process.env), timeoutMs: 60_000 };
    const { stdout } = await runTool(disassembler, [join(made, "oclc_isa_version_1101.bc"), "-o", "-"], options);
    expect(stdout).toMatch(/^@__oclc_ISA_version = .*constant i32 11001, align 4$/m);
  });

  it("is refused with every tool that is missing", async () => {
    const result = await hip(["gfx1101"], without("hipcc", "hipRuntime", "lld", "deviceLibraries"));
    expect(result.ok ? [] : result.diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      "TK401 hipcc is not installed",
      "TK401 the ROCm device libraries are missing",
      "TK401 the HIP runtime libamdhip64 is missing",
      "TK401 the linker lld is missing",
    ]);
  });

  it("is refused for an architecture that is not available", async ({ skip }) => {
    needsHipcc(skip);
    const result = await hip(["gfx1101", "gfx9999"]);
    expect(result).toMatchObject({
      ok: false,
      diagnostics: [{ code: "TK404", fix: expect.stringContaining("gfx1101") }],
    });
  });

  it("has no resources to read in a CPU library or in a file that is no library", async ({ skip }) => {
    if (toolchain.bundler === undefined) skip("clang-offload-bundler is not installed");
    const built = unwrap(await cpu());
    const text = join(root, "text.so");
    writeFileSync(text, "not a library");
    for (const path of [built.path, text]) {
      expect(await readResources(path, toolchain)).toMatchObject({ ok: false, diagnostics: [{ code: "TK406" }] });
    }
  });
});
