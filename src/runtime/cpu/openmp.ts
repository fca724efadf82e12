/**
 * The OpenMP runtime of this process. LLVM's is taken where it is installed, also for libraries that GCC has compiled: its threads,
 * when they wait, give their core to others that want it, and sleep after a millisecond.
 *
 * GCC's spin without giving way, by default for milliseconds. Where two processes share the cores, each then waits for threads that do
 * not run while the other spins: a training step took 60 times as long. When they sleep early instead, each launch of a program can
 * find the other thread asleep: a forward pass took four times as long.
 */

import koffi from "koffi";

const LLVM = "libomp.so.5";
let prepared = false;

/** Before the first library is loaded. Whoever sets OpenMP's own variables knows better. */
export function prepareOpenMp(): void {
  if (prepared) return;
  prepared = true;
  const { env } = process;
  if (env["OMP_WAIT_POLICY"] === undefined) {
    env["KMP_BLOCKTIME"] ??= "1";
    env["GOMP_SPINCOUNT"] ??= "1000";
  }
  try {
    // It has the functions that GCC's compiler calls, and comes before GCC's in the order of their search.
    koffi.load(LLVM, { global: true });
  } catch {
    // GCC's runtime, which each library brings, does as well.
  }
}
