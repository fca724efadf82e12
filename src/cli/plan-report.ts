/** What `tokitai plan` prints: a model's plan → tables for a person, or JSON with the same numbers. */

import Table from "cli-table3";
import { FLOP_FORMULAS, type MoePlan } from "../moe/accounting.ts";

/** Every number is at most 2^53 − 1, so that any reader of JSON has it exactly. */
export function planJson(plan: MoePlan): string {
  const { config, batch, parameters, tensors, totalBytes, weights, activationBytes, schemes } = plan;
  const programs = plan.programs.map(({ name, dims, launches, arena }) => ({
    name,
    dims,
    launches,
    arenaBytes: arena.bytes,
    classes: arena.classes,
  }));
  const flops = { formulas: FLOP_FORMULAS, ...plan.flops };
  const value = { model: "moe", config, batch, parameters, tensors, totalBytes, weights };
  const costs = { activationBytes, schemes, programs, flops };
  return JSON.stringify({ ...value, ...costs }, (_key, part) => (typeof part === "bigint" ? Number(part) : part), 2);
}

/** The tensors first, the sums last, where a terminal shows them. */
export function describePlan(plan: MoePlan): string {
  const { dense, sparse } = plan.flops;
  const { experts, chosen, hidden, depth } = plan.config;
  return [
    table(
      ["tensor", "shape", "parameters"],
      plan.weights.map(({ name, shape, count }) => [name, `[${shape.join(", ")}]`, grouped(count)]),
      2,
    ),
    "",
    `moe: hidden ${hidden}, depth ${depth}, ${experts} experts, ${chosen} chosen; batch ${grouped(plan.batch)}`,
    `${grouped(plan.parameters)} parameters in ${grouped(plan.tensors)} tensors`,
    `${grouped(plan.totalBytes)} bytes of fp16 weights and fp32 AdamW moments`,
    "",
    "Bytes of training; gradients and activations are f32, and every operation's result is kept:",
    table(
      ["scheme", "weights", "masters", "moments", "gradients", "activations", "total"],
      plan.schemes.map(({ name, weights, masters, moments, gradients, activations, total }) => [
        name,
        ...[weights, masters, moments, gradients, activations, total].map(grouped),
      ]),
      1,
    ),
    ...plan.programs.flatMap(({ name, dims, launches, arena }) => [
      "",
      `Arena of ${name}(${Object.entries(dims)
        .map(([dim, size]) => `${dim} = ${size}`)
        .join(", ")}), ${launches} launches: peak ${grouped(arena.bytes)} bytes`,
      ...(arena.classes.length === 0 ? [] : [arenaTable(arena)]),
    ]),
    "",
    "FLOPs per step:",
    table(
      ["schedule", "forward", "forward + backward"],
      [
        [`dense: all ${experts} experts`, grouped(dense.forward), grouped(dense.forwardBackward)],
        [`sparse: ${chosen} of ${experts} experts`, grouped(sparse.forward), grouped(sparse.forwardBackward)],
      ],
      1,
    ),
    `forward = ${FLOP_FORMULAS.forward}`,
    `forward + backward = ${FLOP_FORMULAS.forwardBackward}`,
  ].join("\n");
}

function arenaTable({ classes }: MoePlan["programs"][number]["arena"]): string {
  const rows = classes.map(({ offset, bytes, buffers }, position) => [
    String(position),
    grouped(offset),
    grouped(bytes),
    buffersText(buffers.map((buffer) => buffer.name)),
  ]);
  return table(["class", "offset", "bytes", "buffers"], rows, 1, 3);
}

/** Columns `from` to `to` (exclusive) hold numbers. */
function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  from: number,
  to: number = head.length,
): string {
  const made = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, column) => (column >= from && column < to ? "right" : "left")),
  });
  for (const row of rows) made.push([...row]);
  return made.toString();
}

/** The first two names, and how many follow. */
function buffersText(names: readonly string[]): string {
  const rest = names.length - 2;
  return rest > 0 ? `${names.slice(0, 2).join(", ")} and ${rest} more` : names.join(", ");
}

/** `8,078,463,560` */
function grouped(value: bigint): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
