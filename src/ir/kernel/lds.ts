/**
 * How LDS serves the lanes of a wave: its banks, and which lanes' words it moves at the same time. Data with its sources; the
 * verifier, the interpreter and the target table read it.
 *
 * Terms. A phase is a group of lanes that are served together: two of them at different words of one bank wait for each other,
 * two of different phases never do. Lanes are counted within half a wave of 64, or a wave of 32: no phase reaches over both.
 *
 * Sources. [I] AMD's RDNA 3 and CDNA 3 ISA documents, "LDS": 32 banks of 4 bytes, of which a work-group's wave uses one side.
 * [R] AMD's rocRoller (ROCm/rocm-libraries, shared/rocroller/lib/source/Scheduling/LDSBankModel.cpp): lanes at a time by width, 32,
 * 16 and 8 on all architectures but gfx950. [C] Composable Kernel, "Understanding AMD GPU LDS and Bank Conflicts"
 * (rocm.docs.amd.com): `ds_write_b128` in groups of 8 consecutive lanes. [T] triton-lang/triton pull request 11365, by AMD:
 * the groups of `ds_read_b128` on MI300. For RDNA no document names the groups of wide reads: [R]'s numbers, in order.
 */

import { ELEMENT_BYTES } from "./limits.ts";
import type { MatrixUnit } from "./matrix.ts";

export const LDS_BANKS = 32;
export const LDS_WORD_BYTES = 4;
/** Lanes that one phase may have at most. */
export const LDS_LANES = 32;

/** Bytes of one lane's access; a longer one is moved in pieces of 16, and one of less than a word is served as a word. */
type Width = 4 | 8 | 16;
/** Lanes from the first on, so many. */
type Run = readonly [first: number, count: number];
export type Phase = readonly Run[];

interface Serving {
  readonly families: string;
  /** The matrix units of these families: what a kernel for one of them runs on. */
  readonly units: readonly MatrixUnit[];
  readonly read: Readonly<Record<Width, readonly Phase[]>>;
  readonly write: Readonly<Record<Width, readonly Phase[]>>;
}

/** Phases of so many consecutive lanes. */
const inOrder = (lanes: number): readonly Phase[] =>
  Array.from({ length: LDS_LANES / lanes }, (_, i): Phase => [[i * lanes, lanes]]);

/** [R], [C] */
const IN_ORDER = { 4: inOrder(32), 8: inOrder(16), 16: inOrder(8) } as const;

/** [T] */
const MI300_READ: readonly Phase[] = [
  [
    [0, 4],
    [20, 4],
  ],
  [
    [4, 4],
    [16, 4],
  ],
  [
    [8, 4],
    [28, 4],
  ],
  [
    [12, 4],
    [24, 4],
  ],
];

const SERVING: readonly Serving[] = [
  { families: "RDNA 2, 3, 4", units: ["gfx11", "gfx12"], read: IN_ORDER, write: IN_ORDER },
  { families: "CDNA 2, 3", units: ["cdna"], read: { ...IN_ORDER, 16: MI300_READ }, write: IN_ORDER },
];

/** A lane, and the first word that it accesses. */
export type Place = readonly [lane: number, word: number];

export interface SharedAccess {
  readonly element: keyof typeof ELEMENT_BYTES;
  /** Consecutive elements of one thread's access. */
  readonly lanes: bigint;
  readonly write: boolean;
  /** Of a kernel that uses a matrix unit, which decides the architectures that it runs on; any architecture without. */
  readonly unit: MatrixUnit | undefined;
}

function widthOf({ element, lanes }: SharedAccess): Width {
  const bytes = ELEMENT_BYTES[element] * lanes;
  return bytes >= 16n ? 16 : bytes >= 8n ? 8 : 4;
}

/** Words of one access, or of one of its pieces. */
function wordsOf(access: SharedAccess): number {
  return widthOf(access) / LDS_WORD_BYTES;
}

/**
 * For each way in which a family of architectures that the kernel runs on serves the access: its phases. What is free of
 * conflicts is so in each.
 */
export function phasesOf(access: SharedAccess): readonly (readonly Phase[])[] {
  const width = widthOf(access);
  const { unit } = access;
  const families = SERVING.filter(({ units }) => unit === undefined || units.includes(unit));
  return [...new Set(families.map(({ read, write }) => (access.write ? write : read)[width]))];
}

const has = (phase: Phase, lane: number): boolean =>
  phase.some(([first, count]) => first <= lane && lane < first + count);

/** A bank at two words of which the accesses of two lanes are, where some architecture serves them together. */
export function conflictingBank(access: SharedAccess, [lane, word]: Place, [other, its]: Place): number | undefined {
  const together = phasesOf(access).some((phases) => phases.some((phase) => has(phase, lane) && has(phase, other)));
  if (!together) return undefined;
  for (let i = 0; i < wordsOf(access); i++) {
    for (let j = 0; j < wordsOf(access); j++) {
      if (word + i !== its + j && (word + i - its - j) % LDS_BANKS === 0) return (word + i) % LDS_BANKS;
    }
  }
  return undefined;
}

/** Words of the bank that a phase with both lanes asks for, on the architecture where it is most: so many turns it takes. */
export function waysOf(
  access: SharedAccess,
  bank: number,
  lanes: readonly [number, number],
  all: readonly Place[],
): number {
  const counts = phasesOf(access).flatMap((phases) =>
    phases.flatMap((phase) => {
      if (!lanes.every((lane) => has(phase, lane))) return [];
      const words = all.flatMap(([lane, word]) =>
        has(phase, lane) ? Array.from({ length: wordsOf(access) }, (_, i) => word + i) : [],
      );
      return [new Set(words.filter((word) => word % LDS_BANKS === bank)).size];
    }),
  );
  return Math.max(...counts);
}
