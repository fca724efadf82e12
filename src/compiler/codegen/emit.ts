/** The code generator's entry points: certificates and plans → texts, and the ABI as data. */

export { describeAbi } from "./abi.ts";
export { emitCpu, emitKernelCpu } from "./cpu.ts";
export { emitHeader } from "./header.ts";
export { emitHip, emitKernelHip } from "./hip.ts";
export { emitTypes } from "./types.ts";
