/**
 * How a program runs one of its launches: the steps that are the same in both passes, with the instance that the CPU has.
 *
 * In the first pass the launch is described and checked, and with it what it requires of data that is there before the program; in
 * the second one it is described again, without checks, and runs. Which instance that is, two functions of each kernel with
 * instances decide for all launches: programs are most of a library's text.
 */

import type { Kernel } from "../../ir/kernel/types.ts";
import type { Launch } from "../../ir/plan.ts";
import {
  assign,
  binary,
  type CExpr,
  type CItem,
  type CStmt,
  call,
  constant,
  declare,
  fn,
  integer,
  name,
  param,
  pointer,
  ret,
  type,
  unary,
  when,
} from "./c-ast.ts";
import { dataCall } from "./data-launch.ts";
import { argsStruct, LAUNCH, launchName, readyName, STATUS, STREAM } from "./launcher.ts";
import { kernelOf, type LibrarySpec } from "./library.ts";
import type { ConditionTimes } from "./plan-conditions.ts";

/** The instances of the library that run in the place of the launch's kernel, in the order in which they are preferred. */
export function instancesOf({ vector = [] }: Launch, { kernels }: LibrarySpec): readonly Kernel[] {
  return kernels.flatMap(({ kernel }) => (vector.includes(kernel.name) ? [kernel] : []));
}

/** `<kernel>_ready_here` and `<kernel>_launch_here` of each kernel that programs launch and that has instances here. */
export function dispatchItems(spec: LibrarySpec): readonly CItem[] {
  const launches = new Map(spec.plans.flatMap((plan) => plan.launches.map((launch) => [launch.kernel, launch])));
  return [...launches.values()].flatMap((launch): readonly CItem[] => {
    const kernel = kernelOf(spec, launch.kernel);
    const instances = instancesOf(launch, spec);
    return instances.length === 0 ? [] : [readyHere(kernel, instances), launchHere(kernel, instances)];
  });
}

function hereName(own: string): string {
  return `${own}_here`;
}

/** The call of the first instance that the CPU has the unit of. */
function chosen(kernel: Kernel, instances: readonly Kernel[], of: (own: Kernel) => CExpr): CExpr {
  return instances.reduceRight<CExpr>(
    (otherwise, own) => ({
      kind: "conditional",
      cond: call(`tok::uses_${own.simd}`, []),
      then: of(own),
      else: otherwise,
    }),
    of(kernel),
  );
}

function readyHere(kernel: Kernel, instances: readonly Kernel[]): CItem {
  const own = ({ name: instance }: Kernel): CExpr =>
    call(readyName(instance), [name("args"), name("launch"), name("checks")]);
  return fn(
    STATUS,
    hereName(readyName(kernel.name)),
    [
      param(pointer(constant(type(argsStruct(kernel.name)))), "args"),
      param(pointer(LAUNCH), "launch"),
      param(type("bool"), "checks"),
    ],
    [ret(chosen(kernel, instances, own))],
    { doc: [`Describes a launch of ${kernel.name} by the instance that this CPU runs.`], specifiers: ["static"] },
  );
}

function launchHere(kernel: Kernel, instances: readonly Kernel[]): CItem {
  const own = ({ name: instance }: Kernel): CExpr => call(launchName(instance), [name("launch"), name("stream")]);
  return fn(
    STATUS,
    hereName(launchName(kernel.name)),
    [param({ kind: "reference", to: constant(LAUNCH) }, "launch"), param(STREAM, "stream")],
    [ret(chosen(kernel, instances, own))],
    { specifiers: ["static"] },
  );
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
  const here = (own: string): string => (instances.length === 0 ? own : hereName(own));
  const described = call(here(readyName(kernel.name)), [unary("&", name("call")), unary("&", launch), inPass(0)]);
  const conditions = (asked: readonly number[]): CExpr => dataCall(kernel, name("call"), asked);
  return [
    declare(LAUNCH, "launch"),
    declare(STATUS, "status", described),
    ...(before.length === 0 ? [] : [next(0, conditions(before))]),
    ...(between.length === 0 ? [] : [next(1, conditions(between))]),
    next(1, call(here(launchName(kernel.name)), [launch, name("stream")])),
  ];
}
