import { block, ensures, forall, i32, input, invariant, kernel, occurrences, output, requires } from "tokitai/dsl";

/**
 * The rank of each token among those of its expert, one block per token.
 *
 * Broken: the loop runs over all tokens, not over the earlier ones. Every token of an expert gets the same rank, the
 * number of them all.
 */
export const rank_of_token_correct = kernel(
  { ids: input(i32, ["T"]), rank: output(i32, ["T"]) },
  { grid: ({ T }) => [T], block: [1] },
  ({ ids, rank }, { T }) => {
    requires(T <= 1_000_000);
    ensures(forall([T], (t) => rank[t] === occurrences(ids, t, ids[t])));
    const own = ids[block.x];
    let n = 0;
    for (let s = 0; s < block.x; s++) {
      invariant(0 <= n && n <= s && n === occurrences(ids, s, ids[block.x]));
      if (ids[s] === own) n += 1;
    }
    rank[block.x] = n;
  },
);

export const rank_of_token_broken = kernel(
  { ids: input(i32, ["T"]), rank: output(i32, ["T"]) },
  { grid: ({ T }) => [T], block: [1] },
  ({ ids, rank }, { T }) => {
    requires(T <= 1_000_000);
    ensures(forall([T], (t) => rank[t] === occurrences(ids, t, ids[t])));
    const own = ids[block.x];
    let n = 0;
    for (let s = 0; s < T; s++) {
      invariant(0 <= n && n <= s && n === occurrences(ids, s, ids[block.x]));
      if (ids[s] === own) n += 1;
    }
    rank[block.x] = n;
  },
);
