// Random numbers that can be had again: SEED=… repeats a run.
export const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

export function chance(state = seed) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}
