/** Constants of the training step where a configuration does not name them. `config.ts` says what each means. */

export const TRAINING_DEFAULTS = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  decay: 0.01,
  maxNorm: 1,
  balance: 0.1,
  z: 0.001,
} as const;
