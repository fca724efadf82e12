import { ceilDiv, i32, inout, kernel, wave } from "tokitai/dsl";

export const waveBarrierForms = kernel(
  { counts: inout(i32, ["E"]) },
  { grid: ({ E }) => [ceilDiv(E, 64)], block: [64] },
  ({ counts }) => {
    wave.barrier(64);
    const waited = wave.barrier();
    wave;
    wave.rotate(1);
    if (wave.barrier) counts[0] = 1;
  },
);
