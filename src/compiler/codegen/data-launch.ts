/**
 * The part of a launcher that checks conditions on data: it runs the check kernel, waits, and names what is broken.
 *
 *   static tok_status scatter_data(const tok_scatter_args &args, std::initializer_list<size_t> asked, tok_stream stream)
 */

import type { Kernel } from "../../ir/kernel/types.ts";
import { type DataCheck, dataCheck, formatCondition } from "../data-check.ts";
import {
  assign,
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
  member,
  name,
  param,
  ret,
  text,
  type,
  unary,
  when,
} from "./c-ast.ts";
import { kernelNames } from "./names.ts";

const OK = name("TOK_OK");

/** `scatter_data`, where the kernel has conditions on data. */
export function dataItems(kernel: Kernel, argsStruct: (call: string) => string): readonly CItem[] {
  const check = dataCheck(kernel);
  if (check === undefined) return [];
  const conditions = kernel.dataRequires.map((condition) => {
    const [first] = condition.variables;
    return braces([text(formatCondition(condition)), first === undefined ? name("nullptr") : text(first.name)]);
  });
  const found = (method: string, ...args: readonly CExpr[]): CExpr => call(member(name("found"), method), args);
  const status = name("status");
  const next = (value: CExpr): CStmt => when(binary("==", status, OK), [assign(status, value)]);
  const count = integer(conditions.length);
  return [
    fn(
      type("tok_status"),
      `${kernel.name}_data`,
      [
        param({ kind: "reference", to: constant(type(argsStruct(kernel.name))) }, "args"),
        param(type("std::initializer_list", type("size_t")), "asked"),
        param(type("tok_stream"), "stream"),
      ],
      [
        declare(constant(type("tok::Condition")), "conditions", braces(conditions), {
          extents: [count],
          specifiers: ["static"],
        }),
        declare(type("tok::Findings"), "found", call("tok::Findings", [text(kernel.name), name("conditions")])),
        declare(type("tok_status"), "status", found("open", name("stream"))),
        when(binary("!=", status, OK), [ret(status)]),
        declare(type(argsStruct(check.kernel.name)), "call"),
        ...checkArguments(kernel, check, found("tensor")),
        assign(status, call(`tok_${check.kernel.name}`, [unary("&", name("call")), name("stream")])),
        next(found("close", name("stream"))),
        next(found("status", name("asked"))),
        ret(status),
      ],
      {
        doc: [`Runs ${check.kernel.name}, waits for it, and refuses where one of the conditions asked for is broken.`],
        specifiers: ["static"],
      },
    ),
  ];
}

function checkArguments(kernel: Kernel, check: DataCheck, findings: CExpr): readonly CStmt[] {
  const [own, its] = [kernelNames(kernel), kernelNames(check.kernel)];
  const set = (field: string, value: CExpr): CStmt => assign(member(name("call"), field), value);
  const given = (field: string): CExpr => member(name("args"), field);
  const scalars = kernel.params.filter(({ kind }) => kind === "scalar").map((scalar) => scalar.name);
  return [
    ...[...check.reads, ...scalars].map((param) => set(its.value(param), given(own.value(param)))),
    ...kernel.dims.map((dim) => set(its.dim(dim), given(own.dim(dim)))),
    set(its.value(check.findings), findings),
  ];
}

/** `scatter_data(args, {0, 2}, stream)`: the conditions of these ordinals. */
export function dataCall(kernel: Kernel, args: CExpr, asked: readonly number[]): CExpr {
  return call(`${kernel.name}_data`, [args, braces(asked.map(integer)), name("stream")]);
}
