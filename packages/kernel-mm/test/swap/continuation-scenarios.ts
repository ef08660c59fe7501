/**
 * What the threads of the tests of large counts do. Each function runs in a thread of its own, attached to the machine of the test.
 */
import { swpEntry } from '#src/swap/entries.js';
import type { TestCoreHandle } from '../support/core.js';
import { attachSwapMachine } from './machine.js';

/** What a thread that adds and drops users is told. */
export interface SwingInput {
  readonly handle: TestCoreHandle;
  readonly seed: number;
  /** Slots of area 0 it adds users to. */
  readonly slots: readonly number[];
  /** Users it adds and drops in turn; more in all threads together than a digit can count. */
  readonly users: number;
  readonly rounds: number;
}

/** What it did. */
export interface SwingResult {
  readonly added: number;
  /** Users that were refused for want of a page. */
  readonly refused: number;
}

/** Adds up to `users` users to each slot, drops some of them, and so on; keeps none. */
export function swing(input: SwingInput): SwingResult {
  const machine = attachSwapMachine(input.handle, { name: `swing ${input.seed}` });
  const { counts } = machine.swap;
  let random = Math.imul(input.seed + 1, 0x9e37_79b9);
  const mine = input.slots.map(() => 0);
  let added = 0;
  let refused = 0;
  for (let round = 0; round < input.rounds; round++) {
    for (let index = 0; index < mine.length; index++) {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
      const wanted = round === input.rounds - 1 ? 0 : (random >>> 12) % (input.users + 1);
      const entry = swpEntry(0, input.slots[index]!);
      for (; mine[index]! < wanted; mine[index]!++) {
        if (counts.swapDuplicate(entry) !== 0) {
          refused++;
          break;
        }
        added++;
      }
      for (; mine[index]! > wanted; mine[index]!--) counts.swapFree(entry);
    }
  }
  return { added, refused };
}

/** Lets page requests fail now and then while others add users. */
export function starve(input: { readonly handle: TestCoreHandle; readonly rounds: number }): number {
  const machine = attachSwapMachine(input.handle, { name: 'starve' });
  const { counts } = machine.swap;
  let failures = 0;
  for (let round = 0; round < input.rounds; round++) {
    machine.frames.failNextRequests(round % 3);
    // A slot without users at all: the page is asked for first, and given back.
    if (counts.addSwapCountContinuation(swpEntry(0, 1), 0) !== 0) failures++;
  }
  machine.frames.failNextRequests(0);
  return failures;
}
