/** The types of the C ABI, the same in every library; C99 and C++. */

import { ARENA_ALIGNMENT } from "../../ir/plan.ts";
import { ABI_VERSION, DTYPES, MAX_LAUNCH_ARGS, STATUSES } from "./abi-constants.ts";
import {
  type CField,
  type CItem,
  type CParam,
  constant,
  directive,
  field,
  integer,
  param,
  pointer,
  type,
} from "./c-ast.ts";
import { LAUNCH, STREAM } from "./launcher.ts";

const U64 = type("uint64_t");

/** Needs `stdint.h`. Declared once where several headers are included. */
export function abiItems(): readonly CItem[] {
  const words = (value: number): readonly [ReturnType<typeof integer>] => [integer(value)];
  return [
    directive("#ifndef TOK_ABI_VERSION"),
    { kind: "define", name: "TOK_ABI_VERSION", value: integer(ABI_VERSION) },
    { kind: "define", name: "TOK_API", value: { kind: "name", name: '__attribute__((visibility("default")))' } },
    { kind: "define", name: "TOK_ARENA_ALIGNMENT", value: integer(ARENA_ALIGNMENT) },
    { kind: "define", name: "TOK_MAX_LAUNCH_ARGS", value: integer(MAX_LAUNCH_ARGS) },
    ...Object.entries(DTYPES).map(([element, { name, value }]): CItem => {
      return { kind: "define", name, value: integer(value), comment: `The dtype of ${element} elements.` };
    }),
    {
      kind: "enum",
      doc: [],
      name: "tok_status",
      values: STATUSES.map(({ name, meaning }, value) => ({ name, value: BigInt(value), comment: meaning })),
    },
    {
      kind: "struct",
      doc: ["A contiguous row-major array in memory that the target reaches."],
      template: [],
      name: "tok_tensor",
      fields: [field(pointer(type("void")), "data"), field(U64, "bytes"), field(U64, "dtype")],
    },
    { kind: "typedef", doc: ["A hipStream_t; not used on the CPU."], type: pointer(type("void")), name: "tok_stream" },
    {
      kind: "struct",
      doc: ["A checked launch: what to run, where, and the kernel's arguments as they lie in memory."],
      template: [],
      name: "tok_launch",
      fields: [
        field(pointer(constant(type("char"))), "symbol", "the kernel instance"),
        field(type("uint32_t"), "index_bits", "32 or 64"),
        field(U64, "grid", "blocks per axis; 0 on any axis: nothing to launch", words(3)),
        field(type("uint32_t"), "block", "threads per axis", words(3)),
        field(type("uint32_t"), "shared_bytes", "dynamic shared memory to ask for; arrays of kernels are static"),
        field(U64, "args_bytes", "how much of args is used"),
        field(type("unsigned char"), "args", "pointers, dimensions, scalars; each aligned to its size", [
          { kind: "name", name: "TOK_MAX_LAUNCH_ARGS" },
        ]),
      ],
    },
    deviceItem(),
    directive("#endif"),
  ];
}

/** What a launcher asks of whoever stands in for the HIP runtime. */
function deviceItem(): CItem {
  const anything = pointer(type("void"));
  const asks = (name: string, ...params: readonly CParam[]): CField => {
    const error = pointer(constant(type("char")));
    const returns = { kind: "function", returns: error, params: [param(anything, "context"), ...params] } as const;
    return field(pointer(returns), name);
  };
  const [data, bytes, stream] = [param(anything, "data"), param(U64, "bytes"), param(STREAM, "stream")];
  return {
    kind: "struct",
    doc: [
      "A device that launches in place of the HIP runtime. Its functions are called by the thread that calls the library,",
      "and give back null, or the text of what went wrong, which stays until the thread's next call. launch runs what was",
      "prepared, allocate and release are of the device's memory, fill sets each byte, and read waits for the stream.",
    ],
    template: [],
    name: "tok_device",
    fields: [
      field(anything, "context", "the first argument of each function"),
      asks("launch", param(pointer(constant(LAUNCH)), "launch"), stream),
      asks("allocate", bytes, param(pointer(anything), "data")),
      asks("release", data),
      asks("fill", data, param(type("uint8_t"), "byte"), bytes, stream),
      asks("read", param(anything, "host"), param(pointer(constant(type("void"))), "data"), bytes, stream),
    ],
  };
}
