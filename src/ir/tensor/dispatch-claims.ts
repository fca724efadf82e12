/** Claims of the kernels of sparse dispatch: B rows, E experts, K of them per row, T = B·K assignments. */

import { indices, type OperationSignature, single, step, tensor } from "./claim-signature.ts";
import { valueId } from "./types.ts";

const [p, x] = [valueId("p"), valueId("x")];
const [ids, counts, offsets] = [valueId("ids"), valueId("counts"), valueId("offsets")];
const [expert, source] = [valueId("expert"), valueId("source")];

const IDS = indices("ids", "T");
const OFFSETS = indices("offsets", "E+1");
const EXPERT = indices("expert", "T");

export const DISPATCH_SIGNATURES = {
  top_k_experts: {
    inputs: [tensor("p", "B", "E")],
    outputs: [IDS, tensor("gates", "B", "K")],
    attributes: ["k"],
    sized: { k: "K" },
    steps: ({ k = Number.NaN }) => [
      step("ids", { kind: "top-k-experts", p, k }),
      step("gates", { kind: "top-k-gates", p, k }),
    ],
  },
  normalise_rows: single([tensor("x", "B", "N")], tensor("y", "B", "N"), { kind: "normalise-rows", x }),
  expert_counts: {
    inputs: [IDS],
    outputs: [indices("counts", "E")],
    attributes: ["experts"],
    sized: { experts: "E" },
    steps: ({ experts = Number.NaN }) => [step("counts", { kind: "expert-counts", ids, experts })],
  },
  expert_offsets: single([IDS, indices("counts", "E")], OFFSETS, { kind: "expert-offsets", ids, counts }),
  token_positions: single([IDS, OFFSETS], indices("position", "T"), { kind: "token-positions", ids, offsets }),
  slot_experts: single([IDS, OFFSETS], EXPERT, { kind: "slot-experts", ids, offsets }),
  token_sources: single([IDS, OFFSETS, EXPERT], indices("source", "T"), {
    kind: "token-sources",
    ids,
    offsets,
    expert,
  }),
  gather_assignments: {
    inputs: [tensor("x", "R", "N"), indices("source", "T")],
    outputs: [tensor("y", "T", "N")],
    attributes: ["k"],
    steps: ({ k = Number.NaN }) => [step("y", { kind: "gather-assignments", x, source, k })],
  },
} as const satisfies Readonly<Record<string, OperationSignature>>;
