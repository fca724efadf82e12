/**
 * How a program runs one of its launches: the steps that are the same in both passes, with the instance that the CPU has.
 *
 * In the first pass the launch is described and checked, and with it what it requires of data that is there before the program; in
 * the second one it is described again, without checks, and runs.
 */

import type { Kernel } from "../../ir/kernel/types.ts";
import type { Launch } from "../../ir/plan.ts";
import { assign, binary, type CExpr, type CStmt, call, declare, integer, name, unary, when } from "./c-ast.ts";
import { dataCall } from "./data-launch.ts";
import { LAUNCH, readyName, STATUS } from "./launcher.ts";
import type { LibrarySpec } from "./library.ts";
import type { ConditionTimes } from "./plan-conditions.ts";

/** The instances of the library that run in the place of the launch's kernel, in the order in which they are preferred. */
export function instancesOf({ vector = [] }: Launch, { kernels }: LibrarySpec): readonly Kernel[] {
  return kernels.flatMap(({ kernel }) => (vector.includes(kernel.name) ? [kernel] : []));
}

/**
 * Statements that leave `status`, from `call`, the kernel's arguments. An instance takes the same ones, and requires nothing more of
 * data than the kernel: conditions that are proved are left out.
 */
export function launchSteps(
  kernel: Kernel,
  instances: readonly Kernel[],
  { before, between }: ConditionTimes,
): readonly CStmt[] {
  const [status, launch] = [name("status"), name("launch")];
  const inPass = (pass: number): CExpr => binary("==", name("pass"), integer(pass));
  const next = (pass: number, value: CExpr): CStmt =>
    when(binary("&&", binary("==", status, name("TOK_OK")), inPass(pass)), [assign(status, value)]);
  const chosen = (of: (own: string) => CExpr): CExpr =>
    instances.reduceRight<CExpr>(
      (otherwise, { name: own, simd }) => ({
        kind: "conditional",
        cond: call(`tok::uses_${simd}`, []),
        then: of(own),
        else: otherwise,
      }),
      of(kernel.name),
    );
  const described = (own: string): CExpr =>
    call(readyName(own), [unary("&", name("call")), unary("&", launch), inPass(0)]);
  const conditions = (asked: readonly number[]): CExpr => dataCall(kernel, name("call"), asked);
  return [
    declare(LAUNCH, "launch"),
    declare(STATUS, "status", chosen(described)),
    ...(before.length === 0 ? [] : [next(0, conditions(before))]),
    ...(between.length === 0 ? [] : [next(1, conditions(between))]),
    next(
      1,
      chosen((own) => call(`${own}_launch`, [launch, name("stream")])),
    ),
  ];
}
