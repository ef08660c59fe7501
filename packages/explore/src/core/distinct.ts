/**
 * About how many different schedules there were, in constant memory: HyperLogLog (Flajolet and others, 2007) over their keys.
 *
 * 1,024 registers, so the error is about 3 in 100; small numbers are counted by the empty registers, and are nearly exact.
 */

const REGISTERS_LOG2 = 10;
const REGISTERS = 1 << REGISTERS_LOG2;

/** Words of a counter. */
export const DISTINCT_WORDS = REGISTERS;

/**
 * Counts a key.
 * @param words - with the counter
 * @param first - its first word
 * @param low - 32 bits that are alike only for schedules that are alike
 * @param high - 32 bits more of them
 */
export function addDistinct(words: Int32Array, first: number, low: number, high: number): void {
  let mixed = Math.imul(low ^ (low >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13) ^ high, 0xc2b2_ae35);
  mixed ^= mixed >>> 16;
  const register = first + (mixed & (REGISTERS - 1));
  const rank = Math.clz32(Math.imul(mixed ^ high, 0x9e37_79b1)) + 1;
  if (words[register]! < rank) words[register] = rank;
}

/**
 * About how many different keys were counted.
 * @param words - with the counter
 * @param first - its first word
 */
export function countDistinct(words: Int32Array, first: number): number {
  let sum = 0;
  let empty = 0;
  for (let register = first; register < first + REGISTERS; register++) {
    const rank = words[register]!;
    sum += 2 ** -rank;
    if (rank === 0) empty++;
  }
  const estimate = ((0.7213 / (1 + 1.079 / REGISTERS)) * REGISTERS * REGISTERS) / sum;
  return Math.round(
    estimate <= 2.5 * REGISTERS && empty > 0 ? REGISTERS * Math.log(REGISTERS / empty) : estimate,
  );
}
