import { describe, expect, it } from "vitest";
import {
  ARCHITECTURES,
  availableArchitectures,
  parseArchitecture,
  selectArchitectures,
} from "../../src/compiler/build/architectures.ts";
import { cacheDirectory } from "../../src/compiler/build/cache-folder.ts";
import { parseKernelNotes } from "../../src/compiler/build/resources.ts";
import { runTool, toolEnvironment } from "../../src/compiler/build/run-tool.ts";
import {
  architectureName,
  describeToolchain,
  findToolchain,
  type Toolchain,
} from "../../src/compiler/build/toolchain.ts";

const DEBIAN_FILES = ["ocml.bc", "oclc_isa_version_803.bc", "oclc_isa_version_90a.bc", "oclc_isa_version_1030.bc"];

describe("architectures", () => {
  it("have the ISA constants that the device library uses", () => {
    for (const { name, isa, waveSize } of ARCHITECTURES)
      expect(parseArchitecture(name)).toEqual({ name, isa, waveSize });
    expect(parseArchitecture("gfx1036")?.isa).toBe(10306);
    expect(parseArchitecture("gfx90c")?.isa).toBe(9012);
  });

  it.each(["gfx", "gfx90", "gfx90a:xnack+", "sm_80", "gfx01101", "GFX1101"])("cannot be called %s", (name) => {
    expect(parseArchitecture(name)).toBeUndefined();
  });

  it("are those of the device libraries from gfx9 on, and the gfx11xx that can be added", () => {
    const names = availableArchitectures(DEBIAN_FILES, 15).map(({ name }) => name);
    expect(names).toEqual(["gfx90a", "gfx1030", "gfx1100", "gfx1101"]);
    expect(availableArchitectures([], 19)).toEqual([]);
  });

  it("are more with a newer clang", () => {
    const names = availableArchitectures(DEBIAN_FILES, 19).map(({ name }) => name);
    expect(names).toEqual(["gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1101", "gfx1200", "gfx1201"]);
  });

  it("are selected once each, in a fixed order", () => {
    const selected = selectArchitectures(["gfx1101", "gfx1030", "gfx1101"], availableArchitectures(DEBIAN_FILES, 15));
    expect(selected).toMatchObject({ ok: true, value: [{ name: "gfx1030" }, { name: "gfx1101" }] });
  });

  it("that are unknown are all named, with those that are available", () => {
    const selected = selectArchitectures(["gfx803", "gfx1101", "sm_80"], availableArchitectures(DEBIAN_FILES, 15));
    expect(selected).toMatchObject({
      ok: false,
      diagnostics: [
        { code: "TK404", message: "the architecture gfx803 is unknown or not supported" },
        { code: "TK404", fix: "available are: gfx90a, gfx1030, gfx1100, gfx1101" },
      ],
    });
  });

  it("are read from the kernel driver's version numbers", () => {
    expect([110001, 90010, 100300, 0].map(architectureName)).toEqual(["gfx1101", "gfx90a", "gfx1030", undefined]);
  });
});

describe("the toolchain", () => {
  it("is described tool by tool, found or not, each with what it enables and how to get it", async () => {
    const found = await findToolchain(process.env);
    const rows = describeToolchain(found);
    expect(rows.find(({ name }) => name === "c++")?.found?.version).toMatch(/^\d+\.\d+/);
    const nothing: Toolchain = {
      env: {},
      cxx: undefined,
      hipcc: undefined,
      llvmAs: undefined,
      llvmDis: undefined,
      readelf: undefined,
      objdump: undefined,
      bundler: undefined,
      lld: undefined,
      newClang: undefined,
      deviceLibraries: undefined,
      hipRuntime: undefined,
      gpu: undefined,
    };
    const empty = describeToolchain(nothing);
    expect(empty.map(({ name }) => name)).toEqual(rows.map(({ name }) => name));
    expect(empty.filter(({ found: tool }) => tool !== undefined)).toEqual([]);
    for (const { enables, install } of empty) expect([enables, install]).not.toContain("");
  });

  it("takes the compiler that CXX names", async () => {
    const found = await findToolchain(process.env);
    const named = await findToolchain({ ...process.env, CXX: found.cxx?.path ?? "", PATH: "" });
    expect(named.cxx?.path).toBe(found.cxx?.path);
  });

  it("keeps its cache where TOKITAI_CACHE says, else under the home folder", () => {
    expect(cacheDirectory({ TOKITAI_CACHE: "/x" })).toBe("/x");
    expect(cacheDirectory({ HOME: "/home/u" })).toBe("/home/u/.cache/tokitai");
  });
});

describe("running a tool", () => {
  it("passes on nothing of the environment that could change a build, and always asks for the AMD platform", async () => {
    const env = toolEnvironment({
      PATH: "/bin",
      CPATH: "/evil",
      HIPCC_COMPILE_FLAGS_APPEND: "-O0",
      HIP_PLATFORM: "nvidia",
    });
    expect(env).toEqual({ PATH: "/bin", LC_ALL: "C", HIP_PLATFORM: "amd" });
  });

  it("stops it together with its children when time is up", async () => {
    const start = performance.now();
    // The child holds the output open: the run ends only when it is dead, too.
    const run = await runTool("/bin/sh", ["-c", "sleep 60 & wait"], {
      env: toolEnvironment(process.env),
      timeoutMs: 200,
    });
    expect(run.kind).toBe("timeout");
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it("reports one that does not exist", async () => {
    const run = await runTool("/no/such/tool", [], { env: {}, timeoutMs: 1000 });
    expect(run).toMatchObject({ kind: "failed", reason: "ENOENT" });
  });
});

describe("kernel metadata", () => {
  const note = (fields: readonly string[]): string =>
    [
      "amdhsa.kernels:",
      "  - .args:",
      "      - .offset:  0",
      ...fields.map((field) => `    .${field}`),
      "amdhsa.target: x",
    ].join("\n");
  const fields = [
    "name: gelu",
    "wavefront_size: 64",
    "vgpr_count: 24",
    "sgpr_count: 16",
    "group_segment_fixed_size: 2112",
    "private_segment_fixed_size: 8",
    "vgpr_spill_count: 2",
    "sgpr_spill_count: 0",
    "max_flat_workgroup_size: 256",
  ];

  it("is read as the compiler wrote it", () => {
    expect(parseKernelNotes(note(["agpr_count: 4", ...fields]), "gfx90a")).toEqual([
      {
        kernel: "gelu",
        architecture: "gfx90a",
        waveSize: 64,
        vgprs: 24,
        agprs: 4,
        sgprs: 16,
        ldsBytes: 2112,
        scratchBytes: 8,
        vgprSpills: 2,
        sgprSpills: 0,
        maxThreads: 256,
      },
    ]);
  });

  it.each(fields)("without %s is not accepted", (missing) => {
    expect(parseKernelNotes(note(fields.filter((field) => field !== missing)), "gfx90a")).toBeUndefined();
  });

  it("of an unknown form is not taken for a library without kernels", () => {
    expect(parseKernelNotes("nothing here", "gfx90a")).toBeUndefined();
  });
});
