/**
 * Calls that break a kernel's contract: each must be refused by name, with the outputs as they were. These go through the
 * runtime, on real memory; what every kernel's contract makes of itself is in contract.test.ts.
 */

import { describe, expect, it } from "vitest";
import { type CallArguments, type CpuLibrary, LaunchError, type TensorData } from "../../src/runtime/cpu/library.ts";
import { allocate, UNWRITTEN } from "./case-run.ts";

type Shapes = Readonly<Record<string, readonly number[]>>;

interface Refusal {
  readonly what: string;
  readonly kernel: "linear" | "layer_norm" | "top_k_mask" | "combine";
  readonly status: string;
  /** What the message must name. */
  readonly names: RegExp;
  /** What is passed instead of what is right. */
  readonly instead: (right: CallArguments) => CallArguments;
}

interface Right {
  readonly shapes: Shapes;
  readonly output: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly scalars: Readonly<Record<string, number>>;
}

/** A right call of each kernel; it is made as well, so that a refusal is known to be of what was changed. */
const RIGHT: Readonly<Record<Refusal["kernel"], Right>> = {
  linear: {
    shapes: { x: [3, 5], w: [4, 5], bias: [4], y: [3, 4] },
    output: "y",
    dims: { B: 3, K: 5, N: 4 },
    scalars: {},
  },
  layer_norm: {
    shapes: { x: [3, 8], gamma: [8], beta: [8], y: [3, 8] },
    output: "y",
    dims: { B: 3, N: 8 },
    scalars: { epsilon: 1e-5 },
  },
  top_k_mask: { shapes: { p: [3, 4], w: [3, 4] }, output: "w", dims: { B: 3, E: 4 }, scalars: { k: 2 } },
  combine: {
    shapes: { weights: [3, 2], parts: [2, 3, 5], y: [3, 5] },
    output: "y",
    dims: { B: 3, E: 2, N: 5 },
    scalars: {},
  },
};

const withTensor = (name: string, change: (right: TensorData) => TensorData) => (right: CallArguments) => {
  const { [name]: old = allocate([0]) } = right.tensors;
  return { ...right, tensors: { ...right.tensors, [name]: change(old) } };
};
const withDim = (name: string, size: number | bigint) => (right: CallArguments) => ({
  ...right,
  dims: { ...right.dims, [name]: size },
});
const withScalar = (name: string, value: number) => (right: CallArguments) => ({
  ...right,
  scalars: { ...right.scalars, [name]: value },
});

/** Moves the output so that its first `elements` are the last ones of `input`. */
const overlapping = (input: string, output: string, elements: number) => (right: CallArguments) => {
  const { [input]: read = allocate([0]), [output]: written = allocate([0]) } = right.tensors;
  const joint = new Float32Array(new ArrayBuffer((read.length + written.length - elements) * 4)).fill(UNWRITTEN);
  const tensors = {
    ...right.tensors,
    [input]: joint.subarray(0, read.length),
    [output]: joint.subarray(read.length - elements),
  };
  return { ...right, tensors };
};

const longer = (right: TensorData): TensorData => allocate([right.length + 1]);
const shorter = (right: TensorData): TensorData => allocate([right.length - 1]).fill(UNWRITTEN);

const REFUSALS: readonly Refusal[] = [
  {
    what: "an input one too short",
    kernel: "linear",
    status: "TOK_BYTES",
    names: /\bw\b/,
    instead: withTensor("w", shorter),
  },
  {
    what: "an input one too long",
    kernel: "linear",
    status: "TOK_BYTES",
    names: /\bbias\b/,
    instead: withTensor("bias", longer),
  },
  {
    what: "an output one too short",
    kernel: "linear",
    status: "TOK_BYTES",
    names: /\by\b/,
    instead: withTensor("y", shorter),
  },
  {
    what: "an input of another type",
    kernel: "linear",
    status: "TOK_DTYPE",
    names: /\bx\b/,
    instead: withTensor("x", ({ length }) => new Int32Array(length)),
  },
  {
    what: "an output of another type",
    kernel: "combine",
    status: "TOK_DTYPE",
    names: /\by\b/,
    instead: withTensor("y", ({ length }) => new Uint32Array(length)),
  },
  {
    what: "an output over the end of an input",
    kernel: "linear",
    status: "TOK_OVERLAP",
    names: /\bw\b.*\by\b|\by\b.*\bw\b/,
    instead: overlapping("w", "y", 1),
  },
  {
    what: "an output that is its input",
    kernel: "top_k_mask",
    status: "TOK_OVERLAP",
    names: /\bp\b.*\bw\b|\bw\b.*\bp\b/,
    instead: overlapping("p", "w", 12),
  },
  { what: "k = 0", kernel: "top_k_mask", status: "TOK_REQUIRES", names: /1 <= k/, instead: withScalar("k", 0) },
  { what: "k > E", kernel: "top_k_mask", status: "TOK_REQUIRES", names: /k <= E/, instead: withScalar("k", 5) },
  { what: "a negative k", kernel: "top_k_mask", status: "TOK_REQUIRES", names: /1 <= k/, instead: withScalar("k", -1) },
  { what: "a negative dimension", kernel: "linear", status: "TOK_DIM", names: /\bK\b/, instead: withDim("K", -5) },
  {
    what: "a dimension whose tensor would have more than 2⁶⁴ bytes",
    kernel: "combine",
    status: "TOK_DIM",
    names: /\bN\b|\bparts\b|\by\b/,
    instead: withDim("N", 2n ** 62n),
  },
  {
    what: "a dimension that is not the tensors'",
    kernel: "linear",
    status: "TOK_BYTES",
    names: /\bx\b/,
    instead: withDim("B", 4),
  },
];

function rightCall({ shapes, output, dims, scalars }: Right): CallArguments {
  const tensors = Object.entries(shapes).map(([name, shape]) => [
    name,
    allocate(shape).fill(name === output ? UNWRITTEN : 0.5),
  ]);
  return { tensors: Object.fromEntries(tensors), dims, scalars };
}

export function describeRefusals(library: () => CpuLibrary): void {
  describe("a call that breaks the contract", () => {
    it.each(Object.keys(RIGHT).filter((name): name is Refusal["kernel"] => Object.hasOwn(RIGHT, name)))(
      "would be obeyed without the mistake: %s",
      (kernel) => {
        const right = rightCall(RIGHT[kernel]);
        library().call(kernel, right);
        expect(right.tensors[RIGHT[kernel].output]).not.toContain(UNWRITTEN);
      },
    );

    it("misses an argument: each by its name, for every kernel", () => {
      const { abi, call } = library();
      expect(abi.kernels.length).toBeGreaterThan(0);
      for (const { name: kernel, fields } of abi.kernels) {
        const of = (kind: string) => fields.filter((field) => field.kind === kind).map(({ name }) => name);
        const give = <T>(names: readonly string[], value: T) => Object.fromEntries(names.map((name) => [name, value]));
        const tensors = give(of("tensor"), new Float32Array(1));
        const args = { tensors, dims: give(of("dim"), 1), scalars: give(of("scalar"), 1) };
        for (const [group, kind] of [
          ["tensors", "tensor"],
          ["dims", "dim"],
          ["scalars", "scalar"],
        ] as const) {
          for (const name of of(kind)) {
            const rest = Object.fromEntries(Object.entries(args[group]).filter(([other]) => other !== name));
            const missing = thrownBy(() => call(kernel, { ...args, [group]: rest }));
            expect(missing).toBeInstanceOf(TypeError);
            expect(missing).toMatchObject({ message: expect.stringContaining(`${kernel}: the `) });
            expect(missing).toMatchObject({ message: expect.stringContaining(`${name} is missing`) });
            const misspelt = { ...rest, [`${name}_`]: args[group][name] };
            expect(thrownBy(() => call(kernel, { ...args, [group]: misspelt }))).toMatchObject({
              message: expect.stringContaining(`${kernel} has no `),
            });
          }
        }
      }
    });

    it.each(REFUSALS)("$kernel with $what: $status", ({ kernel, status, names, instead }) => {
      const args = instead(rightCall(RIGHT[kernel]));
      const before = Object.entries(args.tensors).map(([name, data]) => [name, data.slice()]);
      const caught = thrownBy(() => library().call(kernel, args));
      expect(caught).toBeInstanceOf(LaunchError);
      expect(caught).toMatchObject({ status, message: expect.stringMatching(names) });
      expect(Object.entries(args.tensors)).toEqual(before);
    });
  });
}

function thrownBy(action: () => void): unknown {
  try {
    action();
  } catch (cause) {
    return cause;
  }
  return undefined;
}
