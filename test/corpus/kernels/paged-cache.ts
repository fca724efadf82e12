import { block, div, f32, forall, i32, input, kernel, mod, output, requires, thread } from "tokitai/dsl";

const PAGE = 16;
const THREADS = 64;

/**
 * Reads the keys of a sequence out of a paged cache: position t is in slot t mod 16 of page pages[b][t div 16].
 *
 * Broken: a sequence's length is checked against nothing. One that outgrows its row of the page table finds the first
 * page of the next sequence there, and attends to somebody else's text; the last one reads past the table.
 */
export const paged_cache_correct = kernel(
  {
    pages: input(i32, ["B", "M"]),
    lengths: input(i32, ["B"]),
    keys: input(f32, ["P", 16, 64]),
    y: output(f32, ["B", 64]),
  },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ pages, lengths, keys, y }, { B, M, P }) => {
    requires(forall([B, M], (b, m) => 0 <= pages[b][m] && pages[b][m] < P));
    requires(forall([B], (b) => lengths[b] <= PAGE * M));
    const b = block.x;
    let sum = f32(0);
    for (let t = 0; t < lengths[b]; t++) sum += keys[pages[b][div(t, PAGE)]][mod(t, PAGE)][thread.x];
    y[b][thread.x] = sum;
  },
);

export const paged_cache_broken = kernel(
  {
    pages: input(i32, ["B", "M"]),
    lengths: input(i32, ["B"]),
    keys: input(f32, ["P", 16, 64]),
    y: output(f32, ["B", 64]),
  },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ pages, lengths, keys, y }, { B, M, P }) => {
    requires(forall([B, M], (b, m) => 0 <= pages[b][m] && pages[b][m] < P));
    const b = block.x;
    let sum = f32(0);
    for (let t = 0; t < lengths[b]; t++) sum += keys[pages[b][div(t, PAGE)]][mod(t, PAGE)][thread.x];
    y[b][thread.x] = sum;
  },
);
