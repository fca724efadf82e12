/** A verification session: queries in, answers out, each distinct query solved once however many claims share it. */

import type { SolverPool } from "./pool.ts";
import type { SolverAnswer } from "./solver.ts";

export interface Session {
  readonly pool: SolverPool;
  readonly solve: (text: string) => Promise<SolverAnswer>;
}

export function openSession(pool: SolverPool): Session {
  const answers = new Map<string, Promise<SolverAnswer>>();
  return {
    pool,
    solve: (text) => {
      const answer = answers.get(text) ?? pool.solve(text);
      answers.set(text, answer);
      return answer;
    },
  };
}
