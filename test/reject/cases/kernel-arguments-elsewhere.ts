import { block, f32, kernel, output } from "tokitai/dsl";

const launch = { grid: ({ N }: { N: number }) => [N] as const, block: [1] } as const;

export const kernelArgumentsElsewhere = kernel({ y: output(f32, ["N"]) }, launch, ({ y }) => {
  y[block.x] = f32(0);
});
