/**
 * The sizes of the MoE model: the four named ones, and what a configuration costs in memory.
 *
 * Counts follow from the configuration alone; that the built program agrees with them is a test. `config.ts` says what a
 * configuration may be; this file does without its schema, which takes longer to load than most commands to start.
 */

import type { MoeConfig } from "./config.ts";
import { TRAINING_DEFAULTS } from "./training-defaults.ts";

export type { MoeConfig };

export const MOE_SIZE_NAMES = ["nano", "tiny", "medium", "full"] as const;
export type MoeSizeName = (typeof MOE_SIZE_NAMES)[number];

const COMMON = {
  inputs: 96,
  experts: 4,
  chosen: 2,
  outcomes: 12,
  actions: 8,
  gelu: "erf",
  epsilon: 1e-5,
  renormalise: false,
  training: TRAINING_DEFAULTS,
} as const;

export const MOE_SIZES: Readonly<Record<MoeSizeName, MoeConfig>> = {
  nano: { ...COMMON, hidden: 128, depth: 2 },
  tiny: { ...COMMON, hidden: 2048, depth: 5 },
  medium: { ...COMMON, hidden: 4096, depth: 5 },
  full: { ...COMMON, hidden: 4096, depth: 12 },
};

export interface MoeAccounting {
  /** Numbers that training changes. */
  readonly parameters: number;
  readonly tensors: number;
  /** Two bytes per parameter. */
  readonly weightBytesFp16: number;
  /** AdamW's first and second moment, four bytes each per parameter. */
  readonly momentBytesFp32: number;
  readonly totalBytes: number;
}

/** Memory of training with fp16 weights and fp32 moments, without activations. */
export function accountFor({ inputs, hidden, depth, experts, outcomes, actions }: MoeConfig): MoeAccounting {
  const linear = (fanIn: number, fanOut: number): number => fanIn * fanOut + fanOut;
  const layerNorm = 2 * hidden;
  const expert =
    linear(inputs, hidden) +
    layerNorm +
    depth * (linear(hidden, hidden) + layerNorm) +
    linear(hidden, outcomes + actions);
  const parameters = linear(inputs, experts) + experts * expert;
  const tensors = 2 + experts * (4 * (depth + 1) + 2);
  const [weightBytesFp16, momentBytesFp32] = [2 * parameters, 8 * parameters];
  return { parameters, tensors, weightBytesFp16, momentBytesFp32, totalBytes: weightBytesFp16 + momentBytesFp32 };
}
