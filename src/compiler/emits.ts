/** What a compilation can be asked for. */

export const EMITS = ["ir", "kernel-ir", "hip", "cpp", "header", "types", "smt2", "so", "manifest"] as const;
export type Emit = (typeof EMITS)[number];

export type Target = "cpu" | "hip";
