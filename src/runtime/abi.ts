/** The description of a library's C interface, as the manifest carries it: validated before anything is packed by it. */

import { z } from "zod";
import type { JsonValue } from "../compiler/build/manifest.ts";
import { ABI_VERSION } from "../compiler/codegen/abi-constants.ts";
import { error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";

const fieldSchema = z.object({
  name: z.string(),
  field: z.string(),
  kind: z.enum(["tensor", "dim", "scalar", "workspace"]),
  role: z.enum(["input", "output", "inout", "weight"]).optional(),
  element: z.enum(["f32", "f16", "bf16", "i32", "u32", "i64"]).optional(),
  shape: z.array(z.string()).optional(),
});

const functionSchema = z.object({
  name: z.string(),
  launch: z.string(),
  workspace: z.string().optional(),
  dims: z.array(z.string()).optional(),
  fields: z.array(fieldSchema),
});

const abiSchema = z.object({
  version: z.number(),
  library: z.string(),
  statuses: z.record(z.string(), z.number()),
  dtypes: z.object({
    f32: z.number(),
    i32: z.number(),
    u32: z.number(),
    i64: z.number(),
    f16: z.number(),
    bf16: z.number(),
  }),
  kernels: z.array(functionSchema),
  programs: z.array(functionSchema),
});

export type AbiField = z.output<typeof fieldSchema>;
export type AbiFunction = z.output<typeof functionSchema>;
export type Abi = z.output<typeof abiSchema>;

/** TK550: the description has another form or version than this runtime's. */
export function parseAbi(value: JsonValue): Result<Abi> {
  const parsed = abiSchema.safeParse(value);
  if (!parsed.success) {
    return refuse(error("TK550", undefined, "the manifest does not describe the library's interface", "build again"));
  }
  if (parsed.data.version !== ABI_VERSION) {
    const message = `the library has ABI ${parsed.data.version}, and this runtime has ABI ${ABI_VERSION}`;
    return refuse(error("TK550", undefined, message, "build again with this tokitai"));
  }
  return ok(parsed.data);
}
