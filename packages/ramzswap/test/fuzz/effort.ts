/**
 * How long the fuzzers work: a fixed number of rounds in an ordinary run of the tests, and as many seconds as `SWAPLAB_FUZZ_SECONDS` says, all fuzzers together.
 */
import { randomInt } from 'node:crypto';

const SECONDS = Number(process.env['SWAPLAB_FUZZ_SECONDS'] ?? '0');
/** Rounds between two looks at the clock. */
const ROUNDS_PER_LOOK = 64;

/** The seeds of a fuzzer: a fixed one, and one that is new in each run and is printed in the title. */
export const FUZZ_SEEDS: readonly number[] = [20100505, randomInt(1, 2 ** 31)];

/** Milliseconds a test may take that works through one of so many equal shares. */
export function fuzzTimeout(shares: number): number {
  return 60_000 + (SECONDS * 1000) / shares;
}

/**
 * Works through rounds.
 * @param rounds - in an ordinary run
 * @param shares - how many calls share the seconds of a long run
 * @param round - does one
 * @returns how many were done
 */
export function fuzz(rounds: number, shares: number, round: () => void): number {
  const end = performance.now() + (SECONDS * 1000) / shares;
  let done = 0;
  do {
    const more = SECONDS > 0 ? ROUNDS_PER_LOOK : rounds;
    for (let turn = 0; turn < more; turn++) round();
    done += more;
  } while (SECONDS > 0 && performance.now() < end);
  return done;
}
