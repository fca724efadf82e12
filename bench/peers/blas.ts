/** OpenBLAS and BLIS as Debian packages them, called through koffi; and what the CPU can do at most. */

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";

const FOLDER = "/usr/lib/x86_64-linux-gnu";
const LIBRARIES = [
  { name: "OpenBLAS", package: "libopenblas0-pthread", path: `${FOLDER}/openblas-pthread/libopenblas.so.0` },
  { name: "BLIS", package: "libblis4-pthread", path: `${FOLDER}/blis-pthread/libblis.so.4` },
] as const;

/** y[B, N] = x[B, K] · w[N, K]ᵀ */
export type Sgemm = (
  sizes: readonly [B: number, N: number, K: number],
  x: Float32Array,
  w: Float32Array,
  y: Float32Array,
) => void;

export interface Blas {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly sgemm: Sgemm;
}

/** Kernels of OpenBLAS that use AVX-512. */
const WIDE_CORES = ["SkylakeX", "Cooperlake", "SapphireRapids"];

/**
 * Those that are installed, and a line for each that is not. An OpenBLAS that is older than the CPU takes kernels without AVX-512,
 * which the CPU has: then it is there a second time, with those that its users would tell it to take.
 */
export function findBlas(threads: number): { readonly found: readonly Blas[]; readonly missing: readonly string[] } {
  process.env["OPENBLAS_NUM_THREADS"] = String(threads);
  process.env["BLIS_NUM_THREADS"] = String(threads);
  const found: Blas[] = [];
  const missing: string[] = [];
  for (const { name, package: from, path } of LIBRARIES) {
    if (!existsSync(path)) {
      missing.push(`${name} is missing: apt-get install ${from}`);
      continue;
    }
    const version = execFileSync("dpkg-query", ["-W", "-f", "$" + "{Version}", from], { encoding: "utf8" });
    if (name !== "OpenBLAS") {
      found.push({ name, version, path, sgemm: sgemmOf(path) });
      continue;
    }
    const core = coreOf(path);
    found.push({ name, version: `${version}, kernels for ${core}`, path, sgemm: sgemmOf(path) });
    if (WIDE_CORES.includes(core) || !readFileSync("/proc/cpuinfo", "utf8").includes(" avx512f ")) continue;
    const copy = copyOf(path);
    const told = process.env["OPENBLAS_CORETYPE"];
    process.env["OPENBLAS_CORETYPE"] = "SkylakeX";
    const wide = coreOf(copy);
    if (told === undefined) delete process.env["OPENBLAS_CORETYPE"];
    else process.env["OPENBLAS_CORETYPE"] = told;
    found.push({
      name: `OpenBLAS, ${wide}`,
      version: `${version}, told to take kernels for ${wide}`,
      path: copy,
      sgemm: sgemmOf(copy),
    });
  }
  return { found, missing };
}

function sgemmOf(path: string): Sgemm {
  const prototype =
    "void cblas_sgemm(int, int, int, int, int, int, float, const void *, int, const void *, int, float, void *, int)";
  const call = koffi.load(path).func(prototype);
  const [rowMajor, plain, transposed] = [101, 111, 112];
  return ([B, N, K], x, w, y) => {
    call(rowMajor, plain, transposed, B, N, K, 1, x, K, w, K, 0, y, N);
  };
}

function coreOf(path: string): string {
  return String(koffi.load(path).func("str openblas_get_corename()")());
}

/** A file of its own is loaded as a library of its own. */
function copyOf(path: string): string {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-blas-"));
  process.on("exit", () => rmSync(folder, { recursive: true }));
  const copy = join(folder, "libopenblas.so.0");
  copyFileSync(path, copy);
  return copy;
}

const PEAK = `
#include <immintrin.h>
#include <omp.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#if defined(__AVX512F__)
typedef __m512 row;
static row all(float value) { return _mm512_set1_ps(value); }
static row fma(row a, row b, row c) { return _mm512_fmadd_ps(a, b, c); }
#else
typedef __m256 row;
static row all(float value) { return _mm256_set1_ps(value); }
static row fma(row a, row b, row c) { return _mm256_fmadd_ps(a, b, c); }
#endif
int main(int count, char **args) {
  const int threads = count > 1 ? atoi(args[1]) : 1;
  double best = 0;
  for (int run = 0; run < 9; ++run) {
    const auto start = std::chrono::steady_clock::now();
#pragma omp parallel num_threads(threads)
    {
      row sums[12];
      for (int i = 0; i < 12; ++i) sums[i] = all((float)i);
      const row a = all(0.999f), b = all(0.001f);
      for (long k = 0; k < 10000000; ++k) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; ++i) sums[i] = fma(sums[i], a, b);
        asm volatile("" ::"v"(sums[0]), "v"(sums[1]));
      }
      float total = 0;
      for (int i = 0; i < 12; ++i) total += sums[i][0];
      if (total == 12345.0f) printf(" ");
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double rate = threads * 1e7 * 12 * 2 * (sizeof(row) / 4) / seconds;
    if (rate > best) best = rate;
  }
  printf("%.17g\\n", best);
}
`;

/** Floating-point operations per second of fused multiply-adds that wait for nothing, best of nine. */
export function measurePeak(threads: number): number {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-peak-"));
  try {
    writeFileSync(join(folder, "peak.cpp"), PEAK);
    const flags = ["-O2", "-march=native", "-fopenmp"];
    execFileSync("g++", [...flags, "peak.cpp", "-o", "peak"], { cwd: folder });
    return Number(execFileSync(join(folder, "peak"), [String(threads)], { encoding: "utf8" }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
