/** Lowering: kernel choice, placement, sharing of the arena; and the obligations that catch a wrong plan. */

import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readModel, readPrograms } from "../../src/compiler/frontend/model.ts";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { packageRoot } from "../../src/compiler/inputs.ts";
import { liveRanges } from "../../src/compiler/lower/arena.ts";
import { lowerProgram } from "../../src/compiler/lower/lower.ts";
import { int } from "../../src/ir/kernel/build.ts";
import { vectorInstances } from "../../src/ir/kernel/instead.ts";
import { evaluateSize } from "../../src/ir/kernel/interpret.ts";
import { SIMD_UNITS } from "../../src/ir/kernel/simd.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import type { ArenaBuffer, Launch, Plan } from "../../src/ir/plan.ts";
import { arenaLayout } from "../../src/ir/plan-arena.ts";
import { type ModelBuilder, type Tensor, tensorProgram } from "../../src/ir/tensor/model.ts";
import { MOE_SIZES, type MoeConfig } from "../../src/moe/sizes.ts";
import { InternalError } from "../../src/support/result.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { verifyPlan } from "../../src/verify/verify.ts";

const { kernels } = readKernels([join(packageRoot(), "kernels")], { cwd: packageRoot() });
const byName = new Map(kernels.map((kernel) => [kernel.name, kernel]));
const pool = new SolverPool();
afterAll(() => pool.close());

async function planOf(config: MoeConfig): Promise<Plan> {
  const program = await readModel(join(packageRoot(), "models/moe.ts"), config, packageRoot());
  if (!program.ok) throw new InternalError("the model is refused");
  const plan = lowerProgram(program.value, kernels);
  if (!plan.ok) throw new InternalError("the model is not lowered");
  return plan.value;
}

const nanoPlan = (): Promise<Plan> => planOf(MOE_SIZES.nano);

/** Of all programs of the model. */
async function nanoPlans(gelu: MoeConfig["gelu"] = "erf"): Promise<readonly Plan[]> {
  const config = { ...MOE_SIZES.nano, gelu };
  const programs = await readPrograms(join(packageRoot(), "models/moe.ts"), config, packageRoot());
  if (!programs.ok) throw new InternalError("the model is refused");
  return programs.value.map((program) => {
    const plan = lowerProgram(program, kernels);
    if (!plan.ok) throw new InternalError("the model is not lowered");
    return plan.value;
  });
}

function changeLaunch(plan: Plan, label: string, change: (launch: Launch) => Launch): Plan {
  return { ...plan, launches: plan.launches.map((launch) => (launch.label === label ? change(launch) : launch)) };
}

describe("lowering of the Nano forward pass", () => {
  it("fuses LayerNorm and GELU into the products before them and launches one kernel per remaining operation", async () => {
    const { launches } = await nanoPlan();
    const counts = new Map<string, number>();
    for (const { kernel } of launches) counts.set(kernel, (counts.get(kernel) ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual({
      linear: 1 + 4,
      softmax: 1,
      top_k_mask: 1,
      linear_layer_norm_gelu: 4 * 3,
      combine: 1,
    });
  });

  it("fuses the GELU of tanh wherever it fuses that of erf, in every program", async () => {
    const namesOf = (plans: readonly Plan[]) => plans.map(({ launches }) => launches.map(({ kernel }) => kernel));
    const [erf, tanh] = [namesOf(await nanoPlans()), namesOf(await nanoPlans("tanh"))];
    expect(erf.flat().filter((name) => name.includes("gelu")).length).toBeGreaterThan(40);
    expect(tanh).toEqual(erf.map((names) => names.map((name) => name.replace("gelu", "gelu_tanh"))));
  });

  it("leaves a product by itself whose rows the fused kernel does not take: too long, or of no whole number of tiles", async () => {
    for (const hidden of [160, 127]) {
      const { launches } = await planOf({ ...MOE_SIZES.nano, hidden });
      const own = launches.filter(({ label }) => label.startsWith("expert0.layer"));
      const layer = ["linear", "layer_norm_gelu"];
      expect(own.map(({ kernel }) => kernel)).toEqual([...layer, ...layer, ...layer]);
    }
  });

  it("writes each expert's output into its slice of the stack", async () => {
    const { launches } = await nanoPlan();
    const offsets = launches
      .filter(({ label }) => /^expert\d\.output$/.test(label))
      .map(({ args }) => args["y"])
      .map((view) => [view?.buffer, view && evaluateSize(view.offset, { dims: { B: 10n }, scalars: {} })]);
    expect(offsets).toEqual([0n, 200n, 400n, 600n].map((offset) => ["experts.outputs", offset]));
  });

  it("shares memory only between buffers whose live ranges are disjoint", async () => {
    const plan = await nanoPlan();
    const ranges = liveRanges(plan.launches);
    for (const a of plan.buffers) {
      for (const b of plan.buffers) {
        if (a.name >= b.name || a.shareClass !== b.shareClass) continue;
        const [first, second] = [ranges.get(a.name), ranges.get(b.name)];
        const apart = first && second && (first.last < second.first || second.last < first.first);
        expect(apart, `${a.name} and ${b.name}`).toBe(true);
      }
    }
  });

  it("needs little more memory than the buffers that are live together", async () => {
    for (const plan of await nanoPlans()) {
      const at = { dims: { B: 256n }, scalars: {} };
      const bytesOf = ({ shape }: ArenaBuffer): number =>
        4 * shape.reduce((product, extent) => product * Number(evaluateSize(extent, at)), 1);
      const ranges = liveRanges(plan.launches);
      const together = plan.launches.map((_, position) =>
        plan.buffers
          .filter(({ name }) => {
            const range = ranges.get(name);
            return range !== undefined && range.first <= position && position <= range.last;
          })
          .reduce((sum, buffer) => sum + bytesOf(buffer), 0),
      );
      const { bytes } = arenaLayout(plan, at.dims);
      expect(Number(bytes), plan.name).toBeGreaterThanOrEqual(Math.max(...together));
      // A program whose values are all outputs has no arena.
      expect(Number(bytes), plan.name).toBeLessThanOrEqual(1.2 * Math.max(...together));
    }
  });

  it("reads no buffer before a launch has written it", async () => {
    const plan = await nanoPlan();
    const written = new Set<string>(plan.params.filter(({ role }) => role !== "output").map(({ name }) => name));
    for (const { label, kernel, args } of plan.launches) {
      for (const param of byName.get(kernel)?.params ?? []) {
        const buffer = args[param.name]?.buffer;
        if (param.kind !== "tensor" || buffer === undefined) continue;
        if (param.role === "input") expect(written, `${label} reads ${buffer}`).toContain(buffer);
      }
      for (const param of byName.get(kernel)?.params ?? []) {
        const buffer = args[param.name]?.buffer;
        if (param.kind === "tensor" && param.role !== "input" && buffer !== undefined) written.add(buffer);
      }
    }
  });
});

describe("plan obligations", () => {
  it("are all proved for the Nano plan", async () => {
    const { obligations } = await verifyPlan(await nanoPlan(), byName, openSession(pool));
    expect(obligations.length).toBeGreaterThan(100);
    expect(obligations.filter(({ verdict }) => verdict !== "proved")).toEqual([]);
  });

  it.each<readonly [string, string, (launch: Launch) => Launch]>([
    [
      "a dimension that disagrees with a weight",
      "router.linear",
      (launch) => ({ ...launch, dims: { ...launch.dims, K: int(97) } }),
    ],
    ["a view beyond its buffer", "expert3.output", (launch) => ({ ...launch, args: moved(launch, 61) })],
    ["a view before its buffer", "expert0.output", (launch) => ({ ...launch, args: moved(launch, -1) })],
    ["a k that the kernel does not allow", "router.top_k", (launch) => ({ ...launch, scalars: { k: 5n } })],
  ])("refutes %s", async (_, label, change) => {
    const plan = changeLaunch(await nanoPlan(), label, change);
    const { obligations } = await verifyPlan(plan, byName, openSession(pool));
    const refuted = obligations.filter(({ verdict }) => verdict === "refuted");
    expect(refuted.map(({ id }) => id.split("/")[2]?.startsWith(label))).toContain(true);
    expect(refuted.every(({ witness }) => witness !== undefined)).toBe(true);
  });
});

/** The launch's arguments with `y` starting at another element; for one row, 60 is the last expert's. */
function moved(launch: Launch, offset: number): Launch["args"] {
  const { y } = launch.args;
  return y === undefined ? launch.args : { ...launch.args, y: { ...y, offset: int(offset) } };
}

describe("kernels of halves", () => {
  const constant = { kind: "constant", value: 0 } as const;
  const linear = byName.get("linear");
  const program = tensorProgram("test", (t) => {
    t.output("y", t.linear("l", t.input("x", ["B", 3]), t.weight("w", [5, 3], constant), t.weight("b", [5], constant)));
  });
  if (linear === undefined || !program.ok) throw new InternalError("nothing to lower");
  /** The same claim, with these parameters of bf16. */
  const halved = (...names: readonly string[]): Kernel => ({
    ...linear,
    name: "linear_bf16",
    params: linear.params.map((param) =>
      param.kind === "tensor" && names.includes(param.name) ? { ...param, element: "bf16" } : param,
    ),
  });

  it.each([[["x"]], [["y"]], [["bias"]], [["x", "w", "bias", "y"]]])("serve no program: %j", (names) => {
    const plan = lowerProgram(program.value, [halved(...names), linear]);
    expect(plan.ok && plan.value.launches.map(({ kernel }) => kernel)).toEqual(["linear"]);
    expect(lowerProgram(program.value, [halved(...names)])).toMatchObject({
      ok: false,
      diagnostics: [{ code: "TK290" }],
    });
  });

  it("run in place of no kernel of f32 on a vector unit", () => {
    const ofHalves = ["linear_f16", "linear_bf16"].flatMap((name) =>
      SIMD_UNITS.flatMap((unit) => byName.get(`${name}_${unit}`) ?? []),
    );
    expect(ofHalves.map(({ computes }) => computes)).toEqual(["linear", "linear", "linear", "linear"]);
    expect(vectorInstances(linear, ofHalves)).toEqual([]);
    expect(lowerProgram(program.value, ofHalves)).toMatchObject({ ok: false, diagnostics: [{ code: "TK290" }] });
    const plan = lowerProgram(program.value, [...ofHalves, ...byName.values()]);
    expect(plan.ok && plan.value.launches.map(({ kernel, vector }) => [kernel, vector])).toEqual([
      ["linear", ["linear_avx512", "linear_avx2"]],
    ]);
  });

  it("are refuted in a plan that launches them all the same", async () => {
    const plan = lowerProgram(program.value, [linear]);
    if (!plan.ok) throw new InternalError("the program is not lowered");
    const wrong = { ...plan.value, launches: plan.value.launches.map((one) => ({ ...one, kernel: "linear_bf16" })) };
    const { obligations } = await verifyPlan(wrong, new Map([["linear_bf16", halved("w", "y")]]), openSession(pool));
    const refuted = obligations.filter(({ verdict }) => verdict !== "proved");
    expect(refuted.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
      "test/shape/l.w#1 refuted",
      "test/shape/l.y#1 refuted",
    ]);
    expect(refuted[0]?.statement).toBe("l binds w of linear_bf16 to w [5, 3], which holds bf16");
  });
});

describe("programs that cannot be lowered", () => {
  const build = (define: Parameters<typeof tensorProgram>[1]) => {
    const program = tensorProgram("test", define);
    if (!program.ok) throw new InternalError("the program is refused");
    return program.value;
  };

  it("names the operation that no kernel computes", () => {
    const program = build((t) => t.output("y", t.softmax("s", t.input("x", ["B", 3]))));
    const plan = lowerProgram(
      program,
      kernels.filter(({ name }) => name !== "softmax"),
    );
    expect(plan).toMatchObject({
      ok: false,
      diagnostics: [{ code: "TK290", message: expect.stringContaining("softmax") }],
    });
  });

  it("refuses a value that is an output and a part of a stack", () => {
    const program = build((t) => {
      const s = t.softmax("s", t.input("x", ["B", 3]));
      t.output("y", s);
      t.output("z", t.stack("both", [s, t.softmax("other", s)]));
    });
    expect(lowerProgram(program, kernels)).toMatchObject({ ok: false, diagnostics: [{ code: "TK291" }] });
  });
});

describe("updates in place", () => {
  const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0 };
  const constant = { kind: "constant", value: 0 } as const;

  /** One step of AdamW on a vector; `after` may go on with what the weight was or has become. */
  function stepPlan(after: (t: ModelBuilder, weight: Tensor) => void = () => {}): ReturnType<typeof lowerProgram> {
    const program = tensorProgram("step", (t) => {
      const [weight, mean, square] = ["w", "mean.w", "square.w"].map((name) => t.weight(name, [5], constant));
      const [gradient, scale, rates] = [t.input("g", [5]), t.input("scale", [1]), t.input("rates", [3])];
      if (weight === undefined || mean === undefined || square === undefined) throw new InternalError("no weights");
      t.adamw("adamw.w", { weight, mean, square }, { gradient, scale, rates }, options);
      after(t, weight);
    });
    if (!program.ok) throw new InternalError(program.diagnostics.map(({ message }) => message).join("; "));
    return lowerProgram(program.value, kernels);
  }

  it("become one launch that changes the weight and both moments, without a buffer", async () => {
    const plan = stepPlan();
    if (!plan.ok) throw new InternalError("not lowered");
    expect(plan.value.buffers).toEqual([]);
    const roles = Object.fromEntries(plan.value.params.map(({ name, role }) => [name, role]));
    expect(roles).toEqual({
      g: "input",
      scale: "input",
      rates: "input",
      w: "inout",
      "mean.w": "inout",
      "square.w": "inout",
    });
    const [launch] = plan.value.launches;
    expect(plan.value.launches).toHaveLength(1);
    expect(launch?.kernel).toBe("adamw");
    expect(launch?.args["weight"]?.shape.map((extent) => evaluateSize(extent, { dims: {}, scalars: {} }))).toEqual([
      1n,
      5n,
    ]);
    const { obligations } = await verifyPlan(plan.value, byName, openSession(pool));
    expect(obligations.filter(({ verdict }) => verdict !== "proved")).toEqual([]);
  });

  it("refuse a weight that is read after its update", () => {
    const plan = stepPlan((t, weight) => t.output("late", t.rowSquares("late", weight)));
    expect(plan.ok ? [] : plan.diagnostics.map(({ code }) => code)).toEqual(["TK293"]);
  });

  it("are refused of what is no weight, of another shape, and twice", () => {
    const program = tensorProgram("step", (t) => {
      const [x, w] = [t.input("x", [5]), t.weight("w", [5], constant)];
      t.update(x, w);
      t.update(w, t.input("y", [4]));
      t.update(w, x);
      t.update(w, x);
    });
    expect(program.ok ? [] : program.diagnostics.map(({ code }) => code)).toEqual(["TK264", "TK251", "TK264"]);
  });

  it("are refuted where a launch writes to what the plan is given to read", async () => {
    const plan = stepPlan();
    if (!plan.ok) throw new InternalError("not lowered");
    const params = plan.value.params.map((param) => ({
      ...param,
      role: param.role === "inout" ? ("weight" as const) : param.role,
    }));
    const { obligations } = await verifyPlan({ ...plan.value, params }, byName, openSession(pool));
    const refuted = obligations.filter(({ verdict }) => verdict === "refuted").map(({ id }) => id);
    expect(refuted.filter((id) => id.includes("kept."))).toHaveLength(3);
  });
});
