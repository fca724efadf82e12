import { f32, kernel, output } from "tokitai/dsl";

export const kernelTwoArguments = kernel({ y: output(f32, ["N"]) }, { grid: ({ N }) => [N], block: [1] });
