/**
 * Models: Z3's text of a satisfying assignment → values by symbol.
 *
 * The text has one entry per symbol, `name -> value`, and per function a table:
 *   f -> {
 *     1 2 -> 7
 *     else -> (- 3)
 *   }
 * A symbol that the text leaves out may have any value.
 */

export interface FunctionTable {
  readonly entries: readonly { readonly args: readonly bigint[]; readonly value: bigint }[];
  readonly otherwise: bigint;
}

export interface Model {
  readonly values: ReadonlyMap<string, bigint | boolean>;
  readonly functions: ReadonlyMap<string, FunctionTable>;
}

/** `undefined` where the text is not of the form above: then there is no witness. */
export function parseModel(text: string): Model | undefined {
  const tokens = text.match(/->|[{}()]|[^\s{}()]+/g) ?? [];
  const values = new Map<string, bigint | boolean>();
  const functions = new Map<string, FunctionTable>();
  let position = 0;
  const value = (): bigint | boolean | undefined => {
    const token = tokens[position++];
    if (token === "true" || token === "false") return token === "true";
    if (token !== undefined && /^\d+$/.test(token)) return BigInt(token);
    if (token !== "(" || tokens[position] !== "-" || tokens[position + 2] !== ")") return undefined;
    const digits = tokens[position + 1];
    position += 3;
    return digits !== undefined && /^\d+$/.test(digits) ? -BigInt(digits) : undefined;
  };
  const table = (): FunctionTable | undefined => {
    const entries: { args: readonly bigint[]; value: bigint }[] = [];
    let otherwise = 0n;
    while (tokens[position] !== "}") {
      const args: bigint[] = [];
      let isElse = false;
      while (tokens[position] !== "->") {
        if (tokens[position] === undefined) return undefined;
        // A function that is the same everywhere is written as its value alone.
        if (tokens[position] === "}" && args.length === 1 && entries.length === 0) {
          position++;
          return { entries, otherwise: args[0] ?? 0n };
        }
        if (tokens[position] === "else") {
          isElse = true;
          position++;
          continue;
        }
        const argument = value();
        if (typeof argument !== "bigint") return undefined;
        args.push(argument);
      }
      position++;
      const result = value();
      if (typeof result !== "bigint") return undefined;
      if (isElse) otherwise = result;
      else entries.push({ args, value: result });
    }
    position++;
    return { entries, otherwise };
  };
  while (position < tokens.length) {
    const name = tokens[position++];
    if (name === undefined || tokens[position++] !== "->") return undefined;
    if (tokens[position] === "{") {
      position++;
      const parsed = table();
      if (parsed === undefined) return undefined;
      functions.set(name, parsed);
    } else {
      const parsed = value();
      if (parsed === undefined) return undefined;
      values.set(name, parsed);
    }
  }
  return { values, functions };
}
