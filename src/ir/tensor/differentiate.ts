/**
 * Differentiation: gradients of some values of a program → gradients of others, as further operations of the program.
 *
 * Reverse mode: nodes are visited from the last to the first; the gradient of a value is the sum of what its users
 * contribute. `DERIVATIVES` has one rule per operation, so that a missing one is a type error.
 *
 * Parts: what contributes to the gradient of a node's value belongs to the part of that node, mapped by the caller; what
 * contributes to the gradient of an input or a weight, to the part of the node that uses it. Contributions to a node's
 * value are made when that node is visited, so that a part's operations stand together.
 */

import { resultElement } from "./operand-elements.ts";
import { type Node, type Op, type OpKind, operandsOf, type Shape, type ValueId } from "./types.ts";

/** What differentiation takes of the builder. */
export interface DifferentiationContext {
  /** The nodes so far, in order. */
  readonly nodes: readonly Node[];
  /** Makes a node and gives its result. */
  readonly make: (op: Op) => ValueId;
  readonly shapeOf: (value: ValueId) => Shape | undefined;
  readonly within: <R>(part: string | undefined, make: () => R) => R;
  /** Says that an operation has no derivative here. */
  readonly refuse: (label: string, why: string) => void;
}

/** A value, and the gradient of whatever is differentiated with respect to it; of one shape. */
export interface Seed {
  readonly of: ValueId;
  readonly gradient: ValueId;
}

/** Makes what an operation contributes to the gradient of one operand; the label names it. */
type Contribution = (label: string) => ValueId;

/** The operation, its result, the result's gradient, and how to make nodes. */
interface Visit<K extends OpKind> {
  readonly op: Op<K>;
  readonly y: ValueId;
  readonly dy: ValueId;
  readonly make: (op: Op) => ValueId;
  /** What makes a value; `undefined` of an input or a weight. */
  readonly producer: (value: ValueId) => Op | undefined;
  /** The first value that an operation of this kind and these fields makes. */
  readonly made: <M extends OpKind>(kind: M, fields: Partial<Op<M>>) => ValueId | undefined;
  readonly shapeOf: (value: ValueId) => Shape | undefined;
}

/**
 * One contribution per operand, in the order of `operandsOf`; or why there is none. Operands that follow the last contribution,
 * such as row numbers, have no gradient.
 */
type Derivative<K extends OpKind> = (visit: Visit<K>) => readonly Contribution[] | string;

const once = (kind: OpKind) => (): string => `${kind} is a derivative itself, and is not differentiated again`;

const update = (kind: OpKind) => (): string => `${kind} belongs to the update, which nothing is differentiated through`;

const counted = (kind: OpKind) => (): string => `${kind} makes row numbers, which have no gradient`;

const packed = (kind: OpKind) => (): string => `${kind} is of weights that are packed for use, and not for training`;

const unsorted = (wanted: string): string =>
  `${wanted} of the same assignments is not there: sort them with groupByExpert`;

const DERIVATIVES: { readonly [K in OpKind]: Derivative<K> } = {
  // dx = dy·W, dW = dyᵀ·x, dbias = Σ_b dy
  linear: ({ op, dy, make }) => [
    (label) => make({ kind: "matmul-nn", label, x: dy, w: op.w }),
    (label) => make({ kind: "matmul-tn", label, x: dy, y: op.x }),
    (label) => make({ kind: "column-sum", label, x: dy }),
  ],
  "bias-add": ({ dy, make }) => [() => dy, (label) => make({ kind: "column-sum", label, x: dy })],
  // dgamma = Σ_b dy·x̂, dbeta = Σ_b dy
  "layer-norm": ({ op: { x, gamma, epsilon }, dy, make }) => [
    (label) => make({ kind: "layer-norm-dx", label, x, gamma, dy, epsilon }),
    (label) => {
      const standard = make({ kind: "standardise", label: `${label}.standard`, x, epsilon });
      return make({ kind: "column-dot", label, x: dy, y: standard });
    },
    (label) => make({ kind: "column-sum", label, x: dy }),
  ],
  gelu: ({ op: { x, form }, dy, make }) => [(label) => make({ kind: "gelu-dx", label, x, dy, form })],
  softmax: ({ y, dy, make }) => [(label) => make({ kind: "softmax-dx", label, p: y, dp: dy })],
  "top-k": ({ op, y, dy, make }) => [
    (label) => make({ kind: "top-k-dp", label, w: y, dw: dy, ...(op.renormalise && { p: op.p }) }),
  ],
  stack: ({ op, dy, make }) =>
    op.parts.map((_, index) => (label: string) => make({ kind: "part", label, x: dy, index })),
  "cross-entropy": ({ op: { x, first, second, split }, dy, make }) => [
    (label) => make({ kind: "cross-entropy-dx", label, x, first, second, dloss: dy, split }),
  ],
  "z-loss": ({ op: { x, beta }, dy, make }) => [(label) => make({ kind: "z-loss-dx", label, x, dloss: dy, beta })],
  "balance-coefficients": () => [],
  "cross-entropy-dx": once("cross-entropy-dx"),
  "z-loss-dx": once("z-loss-dx"),
  concat: () => "the gradient of one vector after another is not cut up again",
  combine: ({ op: { weights, parts }, dy, make }) => [
    (label) => make({ kind: "combine-dweights", label, weights, parts, dy }),
    (label) => make({ kind: "combine-dparts", label, weights, dy }),
  ],
  add: ({ dy }) => [() => dy, () => dy],
  "gather-rows": () => "gather-rows may take a row several times, whose gradients nothing adds up",
  "scatter-rows": ({ op, dy, make }) => [(label) => make({ kind: "gather-rows", label, x: dy, source: op.position })],
  // Of each expert's own rows: dx = dy·W, dW = dyᵀ·x, dbias = Σ_p dy
  "grouped-linear": ({ op: { x, w, offsets, expert }, dy, make }) => [
    (label) => make({ kind: "grouped-matmul-nn", label, x: dy, w, offsets, expert }),
    (label) => make({ kind: "grouped-matmul-tn", label, x: dy, y: x, offsets }),
    (label) => make({ kind: "grouped-column-sum", label, x: dy, offsets }),
  ],
  // Of each expert's own rows: dgamma = Σ_p dy·x̂, dbeta = Σ_p dy
  "grouped-layer-norm": ({ op: { x, gamma, expert, epsilon }, dy, make, producer }) => {
    const sorted = producer(expert);
    if (sorted?.kind !== "slot-experts") return unsorted("slot-experts");
    const { offsets } = sorted;
    return [
      (label) => make({ kind: "grouped-layer-norm-dx", label, x, gamma, dy, expert, epsilon }),
      (label) => {
        const standard = make({ kind: "standardise", label: `${label}.standard`, x, epsilon });
        return make({ kind: "grouped-column-dot", label, x: dy, y: standard, offsets });
      },
      (label) => make({ kind: "grouped-column-sum", label, x: dy, offsets }),
    ];
  },
  "combine-rows": ({ op: { gates, parts, position }, dy, make, producer, made }) => {
    const placed = producer(position);
    if (placed?.kind !== "token-positions") return unsorted("token-positions");
    const source = made("token-sources", { ids: placed.ids, offsets: placed.offsets });
    if (source === undefined) return unsorted("token-sources");
    return [
      (label) => make({ kind: "combine-rows-dgates", label, gates, parts, dy, position }),
      (label) => make({ kind: "combine-rows-dparts", label, gates, dy, source }),
    ];
  },
  "top-k-experts": counted("top-k-experts"),
  "top-k-gates": ({ op: { p, k }, dy, make, made, shapeOf }) => {
    const ids = made("top-k-experts", { p, k });
    const experts = shapeOf(p)?.at(-1);
    if (ids === undefined) return "top-k-experts of the same choice is not there: choose with topKExperts";
    if (typeof experts !== "number") return `its experts are ${experts}, and have to be a number`;
    return [(label) => make({ kind: "top-k-gates-dp", label, dgates: dy, ids, experts })];
  },
  "normalise-rows": ({ op: { x }, y, dy, make }) => [(label) => make({ kind: "normalise-rows-dx", label, x, y, dy })],
  "expert-counts": counted("expert-counts"),
  "expert-offsets": counted("expert-offsets"),
  "token-positions": counted("token-positions"),
  "slot-experts": counted("slot-experts"),
  "token-sources": counted("token-sources"),
  "gather-assignments": () => "gather-assignments takes a row several times, whose gradients nothing adds up",
  part: () => "the gradient of a part leaves the other parts without one",
  "matmul-nn": once("matmul-nn"),
  "matmul-tn": once("matmul-tn"),
  "column-sum": once("column-sum"),
  "column-dot": once("column-dot"),
  standardise: once("standardise"),
  "layer-norm-dx": once("layer-norm-dx"),
  "gelu-dx": once("gelu-dx"),
  "softmax-dx": once("softmax-dx"),
  "top-k-dp": once("top-k-dp"),
  "combine-dparts": once("combine-dparts"),
  "combine-dweights": once("combine-dweights"),
  "grouped-matmul-nn": once("grouped-matmul-nn"),
  "grouped-matmul-tn": once("grouped-matmul-tn"),
  "grouped-column-sum": once("grouped-column-sum"),
  "grouped-column-dot": once("grouped-column-dot"),
  "grouped-layer-norm-dx": once("grouped-layer-norm-dx"),
  "combine-rows-dparts": once("combine-rows-dparts"),
  "combine-rows-dgates": once("combine-rows-dgates"),
  "top-k-gates-dp": once("top-k-gates-dp"),
  "normalise-rows-dx": once("normalise-rows-dx"),
  "pack-panels": packed("pack-panels"),
  "unpack-panels": packed("unpack-panels"),
  "adamw-mean": update("adamw-mean"),
  "adamw-square": update("adamw-square"),
  "adamw-weight": update("adamw-weight"),
  "row-squares": update("row-squares"),
  total: update("total"),
  "clip-scale": update("clip-scale"),
  "round-half": update("round-half"),
  "round-half-by-chance": update("round-half-by-chance"),
  choose: update("choose"),
  "loss-scale-factor": update("loss-scale-factor"),
  "loss-scale-state": update("loss-scale-state"),
};

/** What counts, or chooses: the result does not change with a small change of the operands. */
function counts(op: Op): boolean {
  return op.kind === "balance-coefficients" || resultElement(op) === "i32";
}

/** The contributions to one value's gradient that are still to be made, each with its part and the node that makes it. */
interface Pending {
  readonly part: string | undefined;
  readonly user: string;
  readonly contribute: Contribution;
}

/**
 * The gradients with respect to `wanted`, in order; `undefined` where nothing that is seeded depends on one. Gradients are
 * labelled `d.<value>`; where several uses contribute, `d.<value>.<user>`, and the sums so far `d.<value>.to.<user>`.
 */
export function differentiate(
  { nodes, make, shapeOf, within, refuse }: DifferentiationContext,
  seeds: readonly Seed[],
  wanted: readonly ValueId[],
  partOf: (part: string) => string,
): readonly (ValueId | undefined)[] {
  const visited = [...nodes];
  const active = activeNodes(visited, seeds, wanted);
  const byId = new Map(visited.map((node) => [node.id, node]));
  const wantedIds = new Set(wanted);
  const uses = countUses(active);
  for (const { of } of seeds) uses.set(of, (uses.get(of) ?? 0) + 1);
  const gradients = new Map<ValueId, ValueId>();
  const pending = new Map<ValueId, Pending[]>();

  /** Adds a contribution to what has been made of a value's gradient. */
  const accumulate = (value: ValueId, { part, user, contribute }: Pending): void =>
    within(part, () => {
      const single = (uses.get(value) ?? 0) <= 1;
      const made = contribute(single ? `d.${value}` : `d.${value}.${user}`);
      const before = gradients.get(value);
      const sum = (): ValueId => make({ kind: "add", label: `d.${value}.to.${user}`, x: before ?? made, y: made });
      gradients.set(value, before === undefined ? made : sum());
    });

  const producer = (value: ValueId): Op | undefined => byId.get(value)?.op;
  const made = (kind: OpKind, fields: object): ValueId | undefined =>
    visited.find(({ op }) => {
      const own: Readonly<Record<string, unknown>> = { ...op };
      return op.kind === kind && Object.entries(fields).every(([name, value]) => own[name] === value);
    })?.id;

  for (const { of, gradient } of seeds) accumulate(of, { part: undefined, user: "seed", contribute: () => gradient });
  for (const node of [...visited].reverse()) {
    if (!active.has(node)) continue;
    for (const one of pending.get(node.id) ?? []) accumulate(node.id, one);
    const dy = gradients.get(node.id);
    if (dy === undefined) continue;
    const contributions = derivativeOf(node.op, { y: node.id, dy, make, producer, made, shapeOf });
    if (typeof contributions === "string") {
      refuse(node.op.label, contributions);
      continue;
    }
    const own = node.part === undefined ? undefined : partOf(node.part);
    for (const [position, operand] of operandsOf(node.op).entries()) {
      const contribute = contributions[position];
      if (contribute === undefined) continue;
      const producer = byId.get(operand);
      if (producer === undefined) {
        if (wantedIds.has(operand)) accumulate(operand, { part: own, user: node.id, contribute });
      } else if (active.has(producer)) {
        const part = producer.part === undefined ? undefined : partOf(producer.part);
        pending.set(operand, [...(pending.get(operand) ?? []), { part, user: node.id, contribute }]);
      }
    }
  }
  return wanted.map((value) => gradients.get(value));
}

function derivativeOf<K extends OpKind>(op: Op<K>, visit: Omit<Visit<K>, "op">): readonly Contribution[] | string {
  return DERIVATIVES[op.kind]({ ...visit, op });
}

/** The nodes through which a seeded value depends on a wanted one. */
function activeNodes(nodes: readonly Node[], seeds: readonly Seed[], wanted: readonly ValueId[]): ReadonlySet<Node> {
  const reached = new Set<ValueId>(wanted);
  for (const { id, op } of nodes) {
    if (!counts(op) && operandsOf(op).some((operand) => reached.has(operand))) reached.add(id);
  }
  const needed = new Set<ValueId>(seeds.map(({ of }) => of));
  const active = new Set<Node>();
  for (const node of [...nodes].reverse()) {
    if (!needed.has(node.id) || !reached.has(node.id)) continue;
    active.add(node);
    for (const operand of operandsOf(node.op)) needed.add(operand);
  }
  return active;
}

function countUses(nodes: ReadonlySet<Node>): Map<ValueId, number> {
  const uses = new Map<ValueId, number>();
  for (const { op } of nodes) {
    for (const operand of operandsOf(op)) uses.set(operand, (uses.get(operand) ?? 0) + 1);
  }
  return uses;
}
