/**
 * A stand-in for libamdhip64 that hip-python loads in its place: host memory for the device's, a note of each call, and the
 * error that a test names. What a launch passes on is noted with it; kernels are not run.
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SOURCE = `
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int called(const char *name) {
  FILE *log = fopen(getenv("STUB_LOG"), "a");
  fprintf(log, "%s\\n", name);
  fclose(log);
  const char *failing = getenv("STUB_FAILING");
  return failing != NULL && strcmp(failing, name) == 0 ? 719 : 0;
}

int hipGetDeviceCount(int *count) { *count = 1; return called("hipGetDeviceCount"); }
int hipRuntimeGetVersion(int *version) { *version = 60200042; return called("hipRuntimeGetVersion"); }
int hipDeviceTotalMem(size_t *bytes, int device) { *bytes = 17163091968ull + device; return called("hipDeviceTotalMem"); }
int hipMalloc(void **data, size_t bytes) {
  const int error = called("hipMalloc");
  *data = error == 0 ? aligned_alloc(256, (bytes + 255) / 256 * 256) : NULL;
  return error;
}
int hipFree(void *data) { free(data); return called("hipFree"); }
int hipMemcpy(void *to, const void *from, size_t bytes, int kind) {
  memcpy(to, from, bytes);
  return called(kind == 1 ? "hipMemcpy to the device" : "hipMemcpy to the host");
}
int hipMemset(void *to, int value, size_t bytes) { memset(to, value, bytes); return called("hipMemset"); }
int hipDeviceSynchronize(void) { return called("hipDeviceSynchronize"); }
int hipModuleLoadData(void **module, const void *image) {
  *module = memcmp(image, "\\x7f" "ELF", 4) == 0 ? (void *)image : NULL;
  return called("hipModuleLoadData");
}
int hipModuleGetFunction(void **function, void *module, const char *name) {
  *function = module == NULL ? NULL : strdup(name);
  return called("hipModuleGetFunction");
}
int hipModuleLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                          unsigned shared, void *stream, void **params, void **extra) {
  const unsigned char *args = extra[1];
  const size_t bytes = *(size_t *)extra[3];
  FILE *log = fopen(getenv("STUB_LOG"), "a");
  fprintf(log, "%s grid %u %u %u block %u %u %u shared %u stream %d params %d args ", (char *)function, gx, gy, gz, bx, by,
          bz, shared, stream != NULL, params != NULL);
  for (size_t i = 0; i < bytes; ++i) fprintf(log, "%02x", args[i]);
  fprintf(log, "\\n");
  fclose(log);
  return called("hipModuleLaunchKernel");
}
int hipEventCreate(void **event) { *event = malloc(1); return called("hipEventCreate"); }
int hipEventRecord(void *event, void *stream) { (void)event; (void)stream; return called("hipEventRecord"); }
int hipEventSynchronize(void *event) { (void)event; return called("hipEventSynchronize"); }
int hipEventElapsedTime(float *ms, void *start, void *stop) {
  *ms = start != stop ? 0.25f : 0.0f;
  return called("hipEventElapsedTime");
}
int hipEventDestroy(void *event) { free(event); return called("hipEventDestroy"); }
`;

export interface StubHip {
  /** For the bridge; `failing` names the call that HIP refuses with error 719. */
  readonly env: (failing?: string) => NodeJS.ProcessEnv;
  /** What was called since the last time this was asked. */
  readonly calls: () => readonly string[];
}

/** Compiles it into the folder. */
export function buildStubHip(folder: string, env: NodeJS.ProcessEnv): StubHip {
  const [source, log] = [join(folder, "hip.c"), join(folder, "calls")];
  writeFileSync(source, SOURCE);
  execFileSync("cc", ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", join(folder, "libamdhip64.so"), source]);
  writeFileSync(log, "");
  return {
    env: (failing) => ({
      ...env,
      LD_LIBRARY_PATH: folder,
      STUB_LOG: log,
      ...(failing === undefined ? {} : { STUB_FAILING: failing }),
    }),
    calls: () => {
      const lines = readFileSync(log, "utf8").trim().split("\n");
      writeFileSync(log, "");
      return lines;
    },
  };
}
