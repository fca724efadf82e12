/**
 * A code object's instructions, as llvm-objdump prints them: text in, one list per kernel out.
 *
 *   0000000000002100 <linear_i32>:
 *   	s_cbranch_scc1 170      // 000000002144: BFA200AA <linear_i32+0x2f0>
 */

export interface Instruction {
  /** In the code object. */
  readonly address: number;
  readonly mnemonic: string;
  readonly operands: string;
  /** Where a branch goes. */
  readonly target: number | undefined;
}

/** By symbol, in the order of addresses. */
export function parseDisassembly(text: string): ReadonlyMap<string, readonly Instruction[]> {
  const starts = new Map<string, number>();
  const kernels = new Map<string, Instruction[]>();
  let current: Instruction[] | undefined;
  for (const line of text.split("\n")) {
    const label = /^([0-9a-f]+) <(\w+)>:$/.exec(line);
    if (label !== null) {
      const [, address = "", symbol = ""] = label;
      current = [];
      starts.set(symbol, Number.parseInt(address, 16));
      kernels.set(symbol, current);
      continue;
    }
    const [code = "", comment = ""] = line.split("//");
    const place = /^ ([0-9A-F]+): [0-9A-F ]+(?:<(\w+)(?:\+0x([0-9a-f]+))?>)?$/.exec(comment.trimEnd());
    if (place === null || current === undefined) continue;
    const [, address = "", symbol, offset = "0"] = place;
    const [mnemonic = "", ...rest] = code.trim().split(/\s+/);
    const start = symbol === undefined ? undefined : starts.get(symbol);
    current.push({
      address: Number.parseInt(address, 16),
      mnemonic,
      operands: rest.join(" "),
      target: start === undefined ? undefined : start + Number.parseInt(offset, 16),
    });
  }
  return kernels;
}
