/**
 * Loops of C around the functions that are measured: what a call from Node costs is not part of what a product takes.
 *
 * A loop calls a function of a library that is loaded already, until some time has passed.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";

const SOURCE = `
#include <dlfcn.h>
#include <chrono>

typedef int (*Launch)(const void *, void *);
typedef void (*Sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);

static void *find(const char *library, const char *symbol) {
  void *handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
  return handle == nullptr ? nullptr : dlsym(handle, symbol);
}

template <typename Work>
static double timed(double seconds, Work work) {
  const auto start = std::chrono::steady_clock::now();
  double taken = 0;
  long calls = 0;
  while (taken < seconds) {
    if (!work()) return -1;
    ++calls;
    taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return taken / calls;
}

extern "C" double time_launch(const char *library, const char *symbol, const void *args, double seconds) {
  const Launch launch = (Launch)find(library, symbol);
  if (launch == nullptr) return -1;
  return timed(seconds, [&] { return launch(args, nullptr) == 0; });
}

extern "C" double time_sgemm(const char *library, int B, int N, int K, const float *x, const float *w, float *y, double seconds) {
  const Sgemm sgemm = (Sgemm)find(library, "cblas_sgemm");
  if (sgemm == nullptr) return -1;
  return timed(seconds, [&] { sgemm(101, 111, 112, B, N, K, 1, x, K, w, K, 0, y, N); return true; });
}
`;

export interface NativeLoops {
  /** Seconds per call of a launcher on a packed struct of arguments. */
  readonly launch: (library: string, symbol: string, args: Uint8Array, seconds: number) => number;
  /** Seconds per call of a library's `cblas_sgemm`, y[B, N] = x[B, K]·w[N, K]ᵀ. */
  readonly sgemm: (
    library: string,
    sizes: readonly [B: number, N: number, K: number],
    x: Float32Array,
    w: Float32Array,
    y: Float32Array,
    seconds: number,
  ) => number;
}

export function buildLoops(): NativeLoops {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-loops-"));
  try {
    const [source, library] = [join(folder, "loops.cpp"), join(folder, "loops.so")];
    writeFileSync(source, SOURCE);
    execFileSync("g++", ["-std=c++17", "-O2", "-shared", "-fPIC", source, "-o", library, "-ldl"]);
    const native = koffi.load(library);
    const launch = native.func("double time_launch(str, str, void *, double)");
    const sgemm = native.func("double time_sgemm(str, int, int, int, void *, void *, void *, double)");
    const checked = (taken: unknown, what: string): number => {
      if (typeof taken !== "number" || !(taken > 0)) throw new Error(`${what} cannot be called`);
      return taken;
    };
    return {
      launch: (path, symbol, args, seconds) => checked(launch(path, symbol, args, seconds), symbol),
      sgemm: (path, [B, N, K], x, w, y, seconds) => checked(sgemm(path, B, N, K, x, w, y, seconds), path),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
