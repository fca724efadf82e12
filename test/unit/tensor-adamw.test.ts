import { describe, expect, it } from "vitest";
import { agrees, F32_MAX } from "../../src/ir/tensor/error-model.ts";
import { type EvaluatedTensor, evaluateOperation } from "../../src/ir/tensor/evaluate.ts";
import { randomSource } from "./tensor-simulation.ts";

const f = Math.fround;
const INF = Number.POSITIVE_INFINITY;

interface Step {
  readonly weight: number;
  readonly mean: number;
  readonly square: number;
  readonly gradient: number;
  readonly scale: number;
  readonly rates: readonly [rate: number, first: number, second: number];
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly decay: number;
}

const PLAIN: Step = {
  weight: 0.5,
  mean: 0.125,
  square: 0.25,
  gradient: -2,
  scale: 0.5,
  rates: [0.25, 0.5, 0.25],
  beta1: 0.5,
  beta2: 0.75,
  epsilon: 0.5,
  decay: 0.125,
};

/** The new weight, mean and square. */
function evaluate(step: Step): readonly EvaluatedTensor[] {
  const { weight, mean, square, gradient, scale, rates, ...attributes } = step;
  const inputs = [
    ...[weight, mean, square, gradient].map((value) => ({ shape: [1, 1], values: Float64Array.of(value) })),
    { shape: [1], values: Float64Array.of(scale) },
    { shape: [3], values: Float64Array.from(rates) },
  ];
  return [...evaluateOperation("adamw", inputs, attributes).outputs.values()];
}

/** In f32, where divisions and roots err by up to the ulps that the model of the arithmetic allows. */
function simulate(step: Step, next: () => number): readonly number[] {
  const sloppy = (value: number, ulps: number): number => f(value * (1 + next() * (ulps - 0.5) * 2 ** -23));
  const { weight: w, rates, beta1, beta2, epsilon, decay } = step;
  const g = f(step.gradient * step.scale);
  const m = f(f(beta1 * step.mean) + f(f(1 - beta1) * g));
  const v = f(f(beta2 * step.square) + f(f(1 - beta2) * f(g * g)));
  const root = sloppy(Math.sqrt(sloppy(v / rates[2], 2.5)), 3);
  const direction = sloppy(sloppy(m / rates[1], 2.5) / f(root + epsilon), 2.5);
  return [f(w - f(rates[0] * f(direction + f(decay * w)))), m, v];
}

describe("AdamW's step", () => {
  it("has the values of a step by hand", () => {
    const [weight, mean, square] = evaluate(PLAIN);
    expect(mean?.values[0]).toBe(0.5 * 0.125 + 0.5 * -1);
    expect(square?.values[0]).toBe(0.75 * 0.25 + 0.25 * 1);
    const direction = -0.4375 / 0.5 / (Math.sqrt(0.4375 / 0.25) + 0.5);
    expect(weight?.values[0]).toBeCloseTo(0.5 - 0.25 * (direction + 0.125 * 0.5), 15);
  });

  it("has bounds that contain f32 evaluations of all sizes, and are not far above their errors", () => {
    const next = randomSource(7);
    const uses: number[] = [];
    for (let trial = 0; trial < 5_000; trial++) {
      const any = (): number => f(next() * 10 ** Math.round(6 * next()));
      const t = 1 + Math.floor(50 * Math.abs(next()));
      const [beta1, beta2] = [f(0.9), f(0.999)];
      const step: Step = {
        weight: any(),
        mean: any(),
        square: Math.abs(any()),
        gradient: any(),
        scale: Math.abs(f(next())),
        rates: [f(0.003), f(1 - beta1 ** t), f(1 - beta2 ** t)],
        beta1,
        beta2,
        epsilon: f(1e-8),
        decay: f(0.01),
      };
      const actual = simulate(step, next);
      for (const [position, { values, bound }] of evaluate(step).entries()) {
        const [found, value, error] = [actual[position] ?? Number.NaN, values[0] ?? 0, bound[0] ?? 0];
        if (!agrees(found, value, error))
          throw new Error(`${found} is not ${value} ± ${error}: ${JSON.stringify(step)}`);
        uses.push(Math.abs(found - value) / error);
      }
    }
    expect(uses.every((use) => !Number.isNaN(use))).toBe(true);
    expect(Math.max(...uses)).toBeGreaterThan(0.5);
  });

  it("leaves what has no gradient and no moments exactly where decay puts it", () => {
    const idle = { ...PLAIN, mean: 0, square: 0, gradient: 0, decay: 0, epsilon: f(1e-8) };
    expect(evaluate(idle).map(({ values, bound }) => [values[0], (bound[0] ?? 1) < 1e-7])).toEqual([
      [0.5, true],
      [0, true],
      [0, true],
    ]);
  });

  it.each<readonly [string, Partial<Step>, readonly number[]]>([
    ["an infinite gradient", { gradient: INF }, [0, 1, 2]],
    ["a square beyond f32", { gradient: 1e30 }, [0, 2]],
    ["a mean beyond f32", { mean: F32_MAX, gradient: F32_MAX, scale: 4 }, [0, 1, 2]],
    ["a first correction of 0", { rates: [0.25, 0, 0.25] }, [0]],
    ["a second correction of 0", { rates: [0.25, 0.5, 0] }, [0]],
    ["a negative second correction", { rates: [0.25, 0.5, -0.25] }, [0]],
    ["a negative second moment", { square: -4 }, [0]],
    ["a weight that overflows", { weight: -F32_MAX, decay: 8 }, [0]],
  ])("promises nothing of %s", (_what, change, outputs) => {
    const unknown = evaluate({ ...PLAIN, ...change }).flatMap(({ bound }, position) =>
      bound[0] === INF ? [position] : [],
    );
    expect(unknown).toEqual(outputs);
  });

  it("is NaN for certain where an operand is", () => {
    const certain = (change: Partial<Step>): readonly boolean[] =>
      evaluate({ ...PLAIN, ...change }).map(({ bound }) => Number.isNaN(bound[0]));
    expect(certain({ weight: Number.NaN })).toEqual([true, false, false]);
    expect(certain({ mean: Number.NaN })).toEqual([true, true, false]);
    expect(certain({ square: Number.NaN })).toEqual([true, false, true]);
    expect(certain({ gradient: Number.NaN })).toEqual([true, true, true]);
    expect(certain({ rates: [0.25, Number.NaN, 0.25] })).toEqual([true, false, false]);
  });
});
