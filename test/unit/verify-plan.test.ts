/** Plans that must be refuted for their memory, and conditions on data that must, and must not, be taken from producers. */

import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readModel } from "../../src/compiler/frontend/model.ts";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { packageRoot } from "../../src/compiler/inputs.ts";
import { lowerProgram } from "../../src/compiler/lower/lower.ts";
import { add, dim, int } from "../../src/ir/kernel/build.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import type { ArenaBuffer, BufferView, Launch, Plan, PlanTensor } from "../../src/ir/plan.ts";
import { MOE_SIZES } from "../../src/moe/sizes.ts";
import { InternalError } from "../../src/support/result.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { type PlanReport, verifyPlan } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

const { kernels } = readKernels([join(packageRoot(), "kernels")], { cwd: packageRoot() });
const extra = kernelsFrom(`import { block, i32, inout, input, kernel, output } from "tokitai/dsl";
export const overwrite = kernel({ a: output(i32, ["N"]) }, { grid: ({ N }) => [N], block: [1] }, ({ a }) => {
  a[block.x] = 7;
});
export const touch = kernel({ a: inout(i32, ["N"]) }, { grid: ({ N }) => [N], block: [1] }, ({ a }) => {
  a[block.x] = 7;
});
export const copy = kernel(
  { a: input(i32, ["N"]), b: output(i32, ["N"]) },
  { grid: ({ N }) => [N], block: [1] },
  ({ a, b }) => {
    b[block.x] = a[block.x];
  },
);
`);
const byName = new Map([...kernels.map((kernel) => [kernel.name, kernel] as const), ...extra]);
const pool = new SolverPool({ processes: 1 });
afterAll(() => pool.close());

const verify = (plan: Plan): Promise<PlanReport> => verifyPlan(plan, byName, openSession(pool));

async function refused(plan: Plan): Promise<readonly string[]> {
  const { obligations } = await verify(plan);
  return obligations.filter(({ verdict }) => verdict === "refuted").map(({ id }) => id.replace(/^[^/]*\//, ""));
}

const ZERO = int(0);
const [T, E] = [dim("T"), dim("E")];
const view = (buffer: string, shape: readonly Expr[], offset: Expr = ZERO): BufferView => ({ buffer, offset, shape });
const given = (name: string, role: PlanTensor["role"], ...shape: readonly Expr[]): PlanTensor => ({
  name,
  role,
  element: "i32",
  shape,
});
const launch = (
  kernel: string,
  args: Launch["args"],
  dims: Launch["dims"],
  label: string = kernel.replaceAll("_", "."),
): Launch => ({ label, kernel, args, dims, scalars: {} });
const changed = (plan: Plan, launches: readonly Launch[]): Plan => ({ ...plan, launches });

describe("the memory of a plan", () => {
  const buffer = (name: string, shareClass: number): ArenaBuffer => ({ name, element: "i32", shape: [T], shareClass });
  const move = (from: string, to: string): Launch =>
    launch("copy", { a: view(from, [T]), b: view(to, [T]) }, { N: T }, `${from}.${to}`);
  const chain: Plan = {
    name: "chain",
    dims: ["T"],
    params: [given("x", "input", T), given("y", "output", T)],
    buffers: [buffer("first", 0), buffer("second", 1), buffer("third", 0)],
    launches: [move("x", "first"), move("first", "second"), move("second", "third"), move("third", "y")],
  };

  it("is proved where buffers share what is no longer live", async () => {
    const { obligations } = await verify(chain);
    expect(obligations.filter(({ verdict }) => verdict !== "proved")).toEqual([]);
    expect(obligations.filter(({ kind }) => kind === "plan").map(({ id }) => id)).toEqual([
      "chain/plan/live.first#1",
      "chain/plan/live.second#1",
      "chain/plan/live.third#1",
      "chain/plan/written.first.second.first#1",
      "chain/plan/written.second.third.second#1",
      "chain/plan/written.third.y.third#1",
      "chain/plan/output.y#1",
    ]);
  });

  it("is refuted where two live buffers share a class", async () => {
    const shared = chain.buffers.map((one) => ({ ...one, shareClass: 0 }));
    expect(await refused({ ...chain, buffers: shared })).toEqual([
      "plan/live.first#1",
      "plan/live.second#1",
      "plan/live.third#1",
    ]);
  });

  it("is refuted where a launch reads what comes later, or never", async () => {
    const [one, two, three, four] = chain.launches;
    if (!one || !two || !three || !four) throw new InternalError("four launches");
    expect(await refused(changed(chain, [two, one, three, four]))).toContain("plan/written.first.second.first#1");
    expect(await refused(changed(chain, [two, three, four]))).toEqual(["plan/written.first.second.first#1"]);
  });

  it("is refuted where an output, or a part of it, is never written", async () => {
    expect(await refused(changed(chain, chain.launches.slice(0, 3)))).toEqual(["plan/output.y#1"]);
    const wider = chain.params.map((one) => (one.name === "y" ? { ...one, shape: [add(T, int(1))] } : one));
    expect(await refused({ ...chain, params: wider })).toEqual(["plan/output.y#1"]);
  });

  it("is refuted where a launch writes to what it reads", async () => {
    const alias = changed(chain, [...chain.launches.slice(0, 1), move("first", "first"), ...chain.launches.slice(1)]);
    expect(await refused(alias)).toContain("plan/apart.first.first#1");
  });

  it("is refuted where one expert's slice of the Nano plan is missing", async () => {
    const program = await readModel(join(packageRoot(), "models/moe.ts"), MOE_SIZES.nano, packageRoot());
    const plan = program.ok ? lowerProgram(program.value, kernels) : program;
    if (!plan.ok) throw new InternalError("the model is refused");
    const without = plan.value.launches.filter(({ label }) => label !== "expert2.output");
    const found = await refused(changed(plan.value, without));
    expect(found.length).toBe(1);
    expect(found[0]).toMatch(/^plan\/written\..*experts\.outputs#1$/);
  });
});

describe("conditions on data within a plan", () => {
  const counts = launch("expert_counts", { ids: view("ids", [T]), counts: view("counts", [E]) }, { T, E });
  const offsets = launch(
    "expert_offsets",
    { ids: view("ids", [T]), counts: view("counts", [E]), offsets: view("offsets", [add(E, int(1))]) },
    { T, E },
  );
  const positions = launch(
    "token_positions",
    { ids: view("ids", [T]), offsets: view("offsets", [add(E, int(1))]), position: view("position", [T]) },
    { T, E },
  );
  const routing: Plan = {
    name: "routing",
    dims: ["T", "E"],
    params: [
      given("ids", "input", T),
      given("counts", "output", E),
      given("offsets", "output", add(E, int(1))),
      given("position", "output", T),
    ],
    buffers: [],
    launches: [counts, offsets, positions],
  };

  /** Launch → the positions of the conditions that need no check. */
  async function discharged(plan: Plan): Promise<Readonly<Record<string, readonly number[]>>> {
    const { discharged: found } = await verify(plan);
    return Object.fromEntries([...found].map(([label, conditions]) => [label, [...conditions.keys()].sort()]));
  }

  it("are those that the producers ensure, and no others", async () => {
    // Left to the launcher, once: that ids, which the plan is given, are in range.
    expect(await discharged(routing)).toEqual({ "expert.offsets": [1], "token.positions": [0, 1, 2, 3] });
  });

  it("name the launches that they come from", async () => {
    const { discharged: found } = await verify(routing);
    expect(found.get("expert.offsets")?.get(1)).toBe("expert.counts");
    expect(found.get("token.positions")?.get(2)?.split(", ").sort()).toEqual(["expert.counts", "expert.offsets"]);
  });

  it("need a producer", async () => {
    expect(await discharged(changed(routing, [positions]))).toEqual({});
    expect(await discharged(changed(routing, [offsets, positions]))).toEqual({ "token.positions": [0, 1, 2, 3] });
  });

  it("end with a launch that writes the tensor again, whole or in part, and ensures nothing", async () => {
    const bare = [add(E, int(1))];
    const whole = launch("overwrite", { a: view("offsets", bare) }, { N: add(E, int(1)) });
    const touched = launch("touch", { a: view("offsets", bare) }, { N: add(E, int(1)) });
    const part = launch("overwrite", { a: view("offsets", [int(1)], int(1)) }, { N: int(1) });
    for (const between of [whole, touched, part]) {
      const found = await discharged(changed(routing, [counts, offsets, between, positions]));
      expect(found, between.label).toEqual({ "expert.offsets": [1], "token.positions": [0] });
    }
  });

  it("do not speak of other ids than those that were counted", async () => {
    const written = routing.params.map((one) => (one.name === "ids" ? { ...one, role: "output" as const } : one));
    for (const kernel of ["overwrite", "touch"]) {
      const change = launch(kernel, { a: view("ids", [T]) }, { N: T });
      const part = launch(kernel, { a: view("ids", [int(1)]) }, { N: int(1) });
      for (const between of [change, part]) {
        const plan = changed({ ...routing, params: written }, [counts, offsets, between, positions]);
        expect(await discharged(plan), kernel).toEqual({ "expert.offsets": [1], "token.positions": [1, 3] });
      }
    }
  });

  it("do not speak of another part of the tensor", async () => {
    const params = routing.params.map((one) => (one.name === "offsets" ? { ...one, shape: [add(E, int(2))] } : one));
    const moved = { ...positions, args: { ...positions.args, offsets: view("offsets", [add(E, int(1))], int(1)) } };
    expect(await discharged(changed({ ...routing, params }, [counts, offsets, moved]))).toEqual({
      "expert.offsets": [1],
      "token.positions": [0],
    });
  });
});
