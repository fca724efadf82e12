/** That assumptions can be met is shown by small sizes where the solver finds none among all. */

import { afterAll, describe, expect, it } from "vitest";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession, type Session } from "../../src/verify/session.ts";
import type { SolverAnswer } from "../../src/verify/solver.ts";
import { GAVE_UP } from "../../src/verify/solver-protocol.ts";
import { verifyKernels } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

const kernelWith = (condition: string) =>
  kernelsFrom(`
import { block, ceilDiv, f32, input, kernel, output, requires, thread } from "tokitai/dsl";
export const copy = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 32)], block: [32] },
  ({ x, y }, { N }) => {
    ${condition}
    const i = block.x * 32 + thread.x;
    if (i < N) y[i] = x[i];
  },
);
`).values();

const pool = new SolverPool();
afterAll(() => pool.close());
/** The bound that a query sets beside the limit of sizes. */
const boundOf = (query = ""): string | undefined => /\(<= dim\.N (64|512)\)/.exec(query)?.[1];
const UNKNOWN: SolverAnswer = { result: "unknown", reason: `${GAVE_UP}it took too long`, milliseconds: 1 };

/** The reachability of the body, where the solver gives up on queries that bound N otherwise than `answered` allows. */
async function reachable(
  condition: string,
  answered: (bound: string | undefined, steps: number) => boolean,
  otherwise: SolverAnswer = UNKNOWN,
) {
  const session = openSession(pool);
  const solve: Session["solve"] = async (text, limit) => {
    return answered(boundOf(text), limit?.steps ?? pool.limits.steps) ? session.solve(text, limit) : otherwise;
  };
  const [report] = await verifyKernels([...kernelWith(condition)], { ...session, solve });
  const found = report?.obligations.find(({ id }) => id === "copy/contract/reachable.body#1");
  return { verdict: found?.verdict, bound: boundOf(found?.query) };
}

describe("the body of a kernel", () => {
  it("is reached where it is at one of the small sizes, and the query says at which", async () => {
    expect(await reachable("", (bound) => bound === "64")).toMatchObject({ verdict: "proved", bound: "64" });
    expect(await reachable("requires(N > 100);", (bound) => bound !== undefined)).toMatchObject({
      verdict: "proved",
      bound: "512",
    });
  });

  it("is asked for without bounds, and for long, where it is reached at no small size", async () => {
    const patient = (bound: string | undefined, steps: number) => bound !== undefined || steps === pool.limits.steps;
    expect(await reachable("requires(N > 1000);", patient)).toMatchObject({ verdict: "proved", bound: undefined });
  });

  it("is not refuted for want of a small size", async () => {
    const { verdict } = await reachable("requires(N > 1000);", (bound) => bound !== undefined);
    expect(verdict).toBe("unknown");
  });

  it("stays unknown where the process that was asked has failed", async () => {
    const killed: SolverAnswer = { result: "unknown", reason: "the solver process was killed", milliseconds: 1 };
    expect((await reachable("", (bound) => bound !== undefined, killed)).verdict).toBe("unknown");
  });
});
