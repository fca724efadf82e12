/**
 * Programs: for each plan `tok_<plan>_workspace` (bytes of the arena) and `tok_<plan>` (check everything, then launch).
 *
 * The arena's classes lie one after another, each as large as its largest buffer. All launches are prepared before the
 * first one runs, so that a refused call computes nothing: the same code runs twice, first to check and then to launch.
 * Only a condition on data that a launch of the program makes is checked between the launches.
 *
 * Launches of a named part of the plan stand in a function of their own, `<plan>_part_<part>`, which the entry calls.
 */

import type { Expr } from "../../ir/kernel/expr.ts";
import { ELEMENT_BYTES } from "../../ir/kernel/limits.ts";
import type { ArenaBuffer, BufferView, Launch, Plan, PlanTensor } from "../../ir/plan.ts";
import { arenaClasses } from "../../ir/plan-arena.ts";
import { InternalError } from "../../support/result.ts";
import { DTYPES } from "./abi-constants.ts";
import {
  arrow,
  assign,
  at,
  binary,
  braces,
  type CExpr,
  type CItem,
  type CStmt,
  call,
  constant,
  declare,
  fn,
  integer,
  loop,
  member,
  name,
  param,
  pointer,
  ret,
  run,
  text,
  type,
  unary,
  when,
} from "./c-ast.ts";
import { type CheckedNames, checkedElements, checkedInt } from "./checked.ts";
import { instancesOf, launchSteps } from "./launch-steps.ts";
import { argsStruct, checkerDeclarations, operand, returnFailure, STATUS, STREAM } from "./launcher.ts";
import { kernelOf, type LibrarySpec, scalarParams, tensorParams } from "./library.ts";
import { kernelNames, type PlanNames, planNames } from "./names.ts";
import { conditionTimes } from "./plan-conditions.ts";

const CHECKED_INT = type("tok::Int");
const TENSOR = type("tok_tensor");

export function programItems(plan: Plan, spec: LibrarySpec): readonly CItem[] {
  const names = planNames(plan);
  return [
    ...(plan.buffers.length === 0 ? [] : [arenaFunction(plan, names)]),
    workspaceFunction(plan, names),
    ...segmentsOf(plan).flatMap((segment) => partFunction(plan, segment, names, spec)),
    entryFunction(plan, names, spec),
  ];
}

function checkedNames(plan: Plan, names: PlanNames): CheckedNames {
  return {
    dim: (dim) => name(names.dim(dim)),
    scalar: (scalar) => {
      throw new InternalError(`the plan ${plan.name} has no scalar ${scalar}`);
    },
  };
}

/** The position of each buffer's class among the arena's offsets. */
function classIndex(plan: Plan): ReadonlyMap<string, number> {
  return new Map(arenaClasses(plan).flatMap((buffers, position) => buffers.map((buffer) => [buffer.name, position])));
}

/** `<plan>_arena`: fills the classes' offsets, and gives the arena's size; both in bytes. */
function arenaFunction(plan: Plan, names: PlanNames): CItem {
  const checked = checkedNames(plan, names);
  const dims = plan.dims.map((dim) => param(CHECKED_INT, names.dim(dim), true));
  const classes = arenaClasses(plan);
  const bytes = (buffer: ArenaBuffer): CExpr =>
    binary("*", checkedElements(buffer.shape, checked), integer(ELEMENT_BYTES[buffer.element]));
  const body = classes.flatMap((buffers, position): readonly CStmt[] => {
    const sizes = distinct(buffers.map(bytes));
    const largest = sizes.reduce((left, right) => call("tok::max", [left, right]));
    return [
      { kind: "comment", text: `class ${position}: ${buffers.map((buffer) => buffer.name).join(", ")}` },
      assign(at(name("offsets"), integer(position)), name("end")),
      assign(name("end"), binary("+", name("end"), call("tok::aligned", [largest]))),
    ];
  });
  return fn(
    CHECKED_INT,
    `${plan.name}_arena`,
    [...dims, param(pointer(CHECKED_INT), "offsets")],
    [declare(CHECKED_INT, "end", integer(0)), ...body, ret(name("end"))],
    {
      doc: [`Where the classes of the arena of ${plan.name} start, and where the last one ends.`],
      specifiers: ["static"],
    },
  );
}

/** Buffers of one shape need one term of the maximum. */
function distinct(exprs: readonly CExpr[]): readonly CExpr[] {
  const byText = new Map(exprs.map((expr) => [keyOf(expr), expr]));
  return [...byText.values()];
}

function keyOf(expr: CExpr): string {
  return JSON.stringify(expr, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}

function arenaCall(plan: Plan, names: PlanNames): CExpr {
  return call(`${plan.name}_arena`, [...plan.dims.map((dim) => name(names.dim(dim))), name("offsets")]);
}

function arenaDeclarations(plan: Plan, names: PlanNames): readonly CStmt[] {
  if (plan.buffers.length === 0) return [declare(constant(CHECKED_INT), "arena", integer(0))];
  const zeros = arenaClasses(plan).map(() => integer(0));
  return [
    declare(CHECKED_INT, "offsets", braces(zeros), { extents: [integer(zeros.length)] }),
    declare(constant(CHECKED_INT), "arena", arenaCall(plan, names)),
  ];
}

function workspaceFunction(plan: Plan, names: PlanNames): CItem {
  const given = (dim: string): string => `given_${names.dim(dim)}`;
  const sizes = plan.dims.map((dim) => braces([text(dim), name(names.dim(dim))]));
  const failed = binary("!=", call(member(name("check"), "status"), []), name("TOK_OK"));
  return fn(
    type("uint64_t"),
    `tok_${plan.name}_workspace`,
    plan.dims.map((dim) => param(type("int64_t"), given(dim))),
    [
      ...plan.dims.map((dim) => declare(constant(CHECKED_INT), names.dim(dim), name(given(dim)))),
      ...checkerDeclarations(plan.name, sizes, []),
      run(call(member(name("check"), "dims"), [integer(plan.dims.length)])),
      when(failed, [ret(name("UINT64_MAX"))]),
      ...arenaDeclarations(plan, names),
      when(unary("!", member(name("arena"), "valid")), [
        run(
          call("tok::fail", [
            name("TOK_WORKSPACE"),
            text(`${plan.name}: the workspace's size cannot be computed in 64 bits`),
          ]),
        ),
        ret(name("UINT64_MAX")),
      ]),
      ret({ kind: "cast", type: type("uint64_t"), value: member(name("arena"), "value") }),
    ],
    { specifiers: ['extern "C"'], c: true },
  );
}

function entryFunction(plan: Plan, names: PlanNames, spec: LibrarySpec): CItem {
  const checked = checkedNames(plan, names);
  const field = (of: string): CExpr => arrow(name("args"), of);
  const method = (check: string, ...args: readonly CExpr[]): CStmt => run(call(member(name("check"), check), args));
  const nullMessage = text(`${plan.name}: args is null, expected a struct`);
  const count = integer(plan.dims.length);
  const workspace = field("workspace");
  return fn(
    STATUS,
    `tok_${plan.name}`,
    [param(pointer(constant(type(argsStruct(plan.name)))), "args"), param(STREAM, "stream")],
    [
      when(binary("==", name("args"), name("nullptr")), [ret(call("tok::fail", [name("TOK_NULL_ARGS"), nullMessage]))]),
      ...plan.dims.map((dim) => declare(constant(CHECKED_INT), names.dim(dim), field(names.dim(dim)))),
      ...checkerDeclarations(
        plan.name,
        plan.dims.map((dim) => braces([text(dim), name(names.dim(dim))])),
        plan.params.map((tensor) =>
          // What a launch's vector accesses ask for is checked of its views.
          operand(tensor, isWritten(tensor), names.buffer(tensor.name), checked, ELEMENT_BYTES[tensor.element]),
        ),
      ),
      method("data"),
      method("dtypes"),
      method("dims", count),
      method("shapes"),
      method("bytes"),
      method("alignment"),
      method("disjoint"),
      returnFailure(),
      ...arenaDeclarations(plan, names),
      method("workspace", workspace, name("arena")),
      returnFailure(),
      ...bufferDeclarations(plan, names, checked),
      ret(plan.launches.length === 0 ? name("TOK_OK") : passes(plan, names, checked, spec)),
    ],
    { specifiers: ['extern "C"'] },
  );
}

function isWritten({ role }: PlanTensor): boolean {
  return role === "output" || role === "inout";
}

function bufferDeclarations(plan: Plan, names: PlanNames, checked: CheckedNames): readonly CStmt[] {
  const classes = classIndex(plan);
  const used = new Set(plan.launches.flatMap(({ args }) => Object.values(args).map(({ buffer }) => buffer)));
  return plan.buffers
    .filter((buffer) => used.has(buffer.name))
    .map((buffer) => {
      const offset = at(name("offsets"), integer(classes.get(buffer.name) ?? 0));
      const workspace = arrow(name("args"), "workspace");
      const elements = checkedElements(buffer.shape, checked);
      const part = call("tok::part", [workspace, offset, elements, name(DTYPES[buffer.element].name)]);
      return declare(constant(TENSOR), names.buffer(buffer.name), part);
    });
}

/**
 * `for (int pass = 0; pass < 2; ++pass) …`: the first pass prepares every launch, the second one runs them. On a CPU threads wait for
 * these meanwhile.
 */
function passes(plan: Plan, names: PlanNames, checked: CheckedNames, spec: LibrarySpec): CExpr {
  const pass = name("pass");
  const both = loop(
    declare(type("int"), "pass", integer(0)),
    binary("<", pass, integer(2)),
    unary("++", pass),
    segmentsOf(plan).flatMap((segment): readonly CStmt[] => {
      if (segment.symbol === undefined) {
        return segment.launches.map((launch) => launchBlock(plan, launch, names, checked, spec));
      }
      const buffers = buffersOf(plan, segment).map((buffer) => name(names.buffer(buffer)));
      const dims = plan.dims.map((dim) => name(names.dim(dim)));
      const status = call(segment.symbol, [name("args"), name("stream"), pass, ...dims, ...buffers]);
      return [
        {
          kind: "block",
          body: [
            declare(constant(STATUS), "status", status),
            when(binary("!=", name("status"), name("TOK_OK")), [ret(name("status"))]),
          ],
        },
      ];
    }),
  );
  const lambda: CExpr = { kind: "lambda", returns: STATUS, body: [both, ret(name("TOK_OK"))] };
  return call("tok::with_crew", [member(name("arena"), "value"), lambda]);
}

/** Neighbouring launches of one part; launches of no part stand in the entry itself. */
interface Segment {
  readonly symbol: string | undefined;
  readonly part: string | undefined;
  readonly launches: readonly Launch[];
}

function segmentsOf(plan: Plan): readonly Segment[] {
  const segments: { symbol: string | undefined; part: string | undefined; launches: Launch[] }[] = [];
  for (const launch of plan.launches) {
    const last = segments.at(-1);
    if (last !== undefined && last.part === launch.part) last.launches.push(launch);
    else {
      const earlier = segments.filter(({ part }) => part === launch.part).length;
      const stem = `${plan.name}_part_${launch.part}`;
      const symbol = launch.part === undefined ? undefined : earlier === 0 ? stem : `${stem}_${earlier + 1}`;
      segments.push({ symbol, part: launch.part, launches: [launch] });
    }
  }
  return segments;
}

/** The arena's buffers that a segment's launches are given. */
function buffersOf(plan: Plan, { launches }: Segment): readonly string[] {
  const used = new Set(launches.flatMap(({ args }) => Object.values(args).map(({ buffer }) => buffer)));
  return plan.buffers.map((buffer) => buffer.name).filter((buffer) => used.has(buffer));
}

function partFunction(plan: Plan, segment: Segment, names: PlanNames, spec: LibrarySpec): readonly CItem[] {
  const { symbol, part, launches } = segment;
  if (symbol === undefined) return [];
  const checked = checkedNames(plan, names);
  return [
    fn(
      STATUS,
      symbol,
      [
        param(pointer(constant(type(argsStruct(plan.name)))), "args"),
        param(STREAM, "stream"),
        param(type("int"), "pass"),
        ...plan.dims.map((dim) => param(CHECKED_INT, names.dim(dim), true)),
        ...buffersOf(plan, segment).map((buffer) => param(TENSOR, names.buffer(buffer), true)),
      ],
      [...launches.map((launch) => launchBlock(plan, launch, names, checked, spec)), ret(name("TOK_OK"))],
      {
        doc: [`The part ${part} of ${plan.name}: in pass 0 its launches are prepared, in pass 1 they run.`],
        specifiers: ["static"],
      },
    ),
  ];
}

function launchBlock(plan: Plan, launch: Launch, names: PlanNames, checked: CheckedNames, spec: LibrarySpec): CStmt {
  const kernel = kernelOf(spec, launch.kernel);
  const fields = kernelNames(kernel);
  const missing = (what: string): never => {
    throw new InternalError(`${plan.name} at ${launch.label}: no ${what} for ${kernel.name}`);
  };
  const target = (of: string): CExpr => member(name("call"), of);
  const views = tensorParams(kernel).map((tensor): CExpr => {
    const view = launch.args[tensor.name] ?? missing(`view ${tensor.name}`);
    return viewCall(plan, names, checked, view, tensor.name, target(fields.value(tensor.name)));
  });
  const dims = kernel.dims.map((dim): CExpr => {
    const size: Expr = launch.dims[dim] ?? missing(`size ${dim}`);
    return call("tok::bind", [unary("&", target(fields.dim(dim))), text(dim), checkedInt(size, checked)]);
  });
  const bound = [...views, ...dims].reduce((left, right) => binary("&&", left, right));
  const scalars = scalarParams(kernel).map((scalar): CStmt => {
    const value = launch.scalars[scalar.name] ?? missing(`value ${scalar.name}`);
    const constantValue: CExpr =
      scalar.element === "f32" ? { kind: "double", value: Number(value) } : integer(BigInt(value));
    return assign(target(fields.value(scalar.name)), constantValue);
  });
  const inLaunch = (status: CExpr): CExpr => call("tok::fail_in", [status, text(plan.name), text(launch.label)]);
  return {
    kind: "block",
    body: [
      { kind: "comment", text: launch.label },
      declare(constant(type("tok::Traced")), "traced", call("tok::Traced", [binary("==", name("pass"), integer(1))])),
      declare(type(argsStruct(kernel.name)), "call"),
      when(unary("!", bound), [ret(inLaunch(name("TOK_SHAPE")))]),
      ...scalars,
      ...launchSteps(kernel, instancesOf(launch, spec), conditionTimes(plan, launch, kernel, spec)),
      when(binary("!=", name("status"), name("TOK_OK")), [ret(inLaunch(name("status")))]),
    ],
  };
}

function viewCall(
  plan: Plan,
  names: PlanNames,
  checked: CheckedNames,
  view: BufferView,
  paramName: string,
  target: CExpr,
): CExpr {
  const isParam = plan.params.some((tensor) => tensor.name === view.buffer);
  const buffer = names.buffer(view.buffer);
  const source = isParam ? arrow(name("args"), buffer) : name(buffer);
  const offset = checkedInt(view.offset, checked);
  return call("tok::view", [unary("&", target), text(paramName), source, offset, checkedElements(view.shape, checked)]);
}
