/**
 * The AMD GPU architectures that a HIP library can be built for.
 *
 * An architecture is a processor name of LLVM's AMDGPU target, `gfx` + major + minor + stepping, the last two as one
 * hexadecimal digit each. Its ISA constant, `major*1000 + minor*100 + stepping`, is what the device library asks for.
 */

import { error } from "../../support/diagnostic.ts";
import { ok, type Result, refuse } from "../../support/result.ts";

export interface Architecture {
  readonly name: string;
  /** The value of `__oclc_ISA_version`. */
  readonly isa: number;
  /** Lanes of a wave as HIP compiles for it: 64 on GCN and CDNA, 32 on RDNA (LLVM AMDGPUUsage, "Target Features"). */
  readonly waveSize: 32 | 64;
  /** The oldest version of clang that makes right code for it, where that is newer than the one of ROCm 5.2. */
  readonly clang?: number;
}

/** Tested architectures and their products. Source: LLVM's AMDGPUUsage, table "AMDGPU Processors". */
export const ARCHITECTURES: readonly (Architecture & { readonly product: string })[] = [
  { name: "gfx90a", isa: 9010, waveSize: 64, product: "CDNA 2: Instinct MI210, MI250" },
  { name: "gfx942", isa: 9402, waveSize: 64, clang: 19, product: "CDNA 3: Instinct MI300A, MI300X" },
  { name: "gfx1030", isa: 10300, waveSize: 32, product: "RDNA 2: Radeon RX 6800, RX 6900, PRO W6800" },
  { name: "gfx1100", isa: 11000, waveSize: 32, product: "RDNA 3: Radeon RX 7900, PRO W7900" },
  { name: "gfx1101", isa: 11001, waveSize: 32, product: "RDNA 3: Radeon RX 7700, RX 7800, PRO W7700" },
  { name: "gfx1200", isa: 12000, waveSize: 32, clang: 19, product: "RDNA 4: Radeon RX 9060" },
  { name: "gfx1201", isa: 12001, waveSize: 32, clang: 19, product: "RDNA 4: Radeon RX 9070" },
];

/** HIP's oldest supported generation (GCN 5): older device libraries exist, but no runtime loads their code. */
const OLDEST_ISA = 9000;

/** Reads `gfx90a` into major 9, minor 0, stepping 10; `undefined` when it is not an architecture's name. */
export function parseArchitecture(name: string): Architecture | undefined {
  const match = /^gfx([1-9][0-9]?)([0-9a-f])([0-9a-f])$/.exec(name);
  if (match === null) return undefined;
  const major = Number(match[1]);
  const isa = major * 1000 + Number.parseInt(match[2] ?? "", 16) * 100 + Number.parseInt(match[3] ?? "", 16);
  return { name, isa, waveSize: major >= 10 ? 32 : 64 };
}

/** `gfx1101` → `oclc_isa_version_1101.bc`, the name under which clang looks for the ISA constant. */
export function isaFileName(architecture: Architecture): string {
  return `oclc_isa_version_${architecture.name.slice("gfx".length)}.bc`;
}

/** The architecture whose constant a device library file defines, when that is what the file does. */
export function architectureOfIsaFile(fileName: string): Architecture | undefined {
  const match = /^oclc_isa_version_([0-9a-f]+)\.bc$/.exec(fileName);
  const architecture = match === null ? undefined : parseArchitecture(`gfx${match[1]}`);
  return architecture !== undefined && architecture.isa >= OLDEST_ISA ? architecture : undefined;
}

/** Those of the table that came after ROCm 5.2: their constant can be made where an older device library lacks it. */
export function completable(): readonly Architecture[] {
  return ARCHITECTURES.filter(({ isa, clang }) => clang !== undefined || Math.floor(isa / 1000) === 11);
}

/**
 * All architectures that can be built for with these device library files and a clang of this version, in the order of
 * their constants; none without files.
 */
export function availableArchitectures(
  deviceLibraryFiles: readonly string[],
  clangVersion: number,
): readonly Architecture[] {
  const installed = deviceLibraryFiles.flatMap((file) => architectureOfIsaFile(file) ?? []);
  if (installed.length === 0) return [];
  const made = completable().filter(
    ({ name, clang = 0 }) => clang <= clangVersion && !installed.some((other) => other.name === name),
  );
  return [...installed, ...made].sort((a, b) => a.isa - b.isa);
}

/** The named architectures, each once, in the order of their constants; TK404 for each name that is not available. */
export function selectArchitectures(
  names: readonly string[],
  available: readonly Architecture[],
): Result<readonly Architecture[]> {
  const list = available.map(({ name }) => name).join(", ");
  const unknown = [...new Set(names)].filter((name) => !available.some((architecture) => architecture.name === name));
  if (unknown.length > 0) {
    return refuse(
      ...unknown.map((name) =>
        error("TK404", undefined, `the architecture ${name} is unknown or not supported`, `available are: ${list}`),
      ),
    );
  }
  if (names.length === 0)
    return refuse(error("TK404", undefined, "no architecture is named", `available are: ${list}`));
  return ok(available.filter(({ name }) => names.includes(name)));
}
