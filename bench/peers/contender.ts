/** What is measured against each other: each calls its work until some time has passed, and says how long a call took. */

export interface Contender {
  readonly name: string;
  /** Seconds per call. */
  readonly time: (seconds: number) => Promise<number>;
}

/** Seconds per call of each contender, one entry per repetition. */
export type Samples = ReadonlyMap<string, readonly number[]>;

export interface Rounds {
  /** Repetitions, in each of which every contender has its turn. */
  readonly runs: number;
  /** How long a turn lasts, in seconds. */
  readonly seconds: number;
}

/** Until the threads of the one before have gone to sleep: OpenBLAS's spin for some tens of milliseconds. */
const IDLE_MS = 80;

/** At the begin of a turn, without counting: the system has just woken threads, and may leave two of them on one core for a while. At most as long as the turn. */
const WARM_SECONDS = 0.06;

/** All contenders in turns, after a turn of each that does not count. */
export async function alternate(contenders: readonly Contender[], { runs, seconds }: Rounds): Promise<Samples> {
  const samples = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let run = -1; run < runs; run++) {
    for (const { name, time } of contenders) {
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
      await time(Math.min(WARM_SECONDS, seconds));
      const taken = await time(seconds);
      if (run >= 0) samples.get(name)?.push(taken);
    }
  }
  return samples;
}

/** Calls `work` until the seconds have passed. */
export function timeCalls(work: () => void): (seconds: number) => Promise<number> {
  return (seconds) => {
    const start = performance.now();
    let calls = 0;
    let now = start;
    while (now - start < 1_000 * seconds) {
      work();
      calls++;
      now = performance.now();
    }
    return Promise.resolve((now - start) / 1_000 / calls);
  };
}
