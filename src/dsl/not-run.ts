/** What every name of the kernel language does when it is evaluated: it refuses, since kernels are only compiled. */

export function notRun(name: string): never {
  throw new Error(`${name}: kernels are compiled, not run; use \`tokitai compile\``);
}
