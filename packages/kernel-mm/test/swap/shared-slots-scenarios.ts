/**
 * What the threads of the tests of shared slots do.
 */
import type { SwapEntry } from '#src/swap/entries.js';
import type { TestCoreHandle } from '../support/core.js';
import { attachSwapMachine } from './machine.js';

/** What a thread is told. */
export interface SharingInput {
  readonly handle: TestCoreHandle;
  /** Whether it may go the short way. */
  readonly wasm: boolean;
  readonly entry: SwapEntry;
  readonly rounds: number;
}

/** Adds a user to a slot and takes it away, again and again, in rows of one to four; gives the number of users added without an error. */
export function share({ handle, wasm, entry, rounds }: SharingInput): number {
  const { counts } = attachSwapMachine(handle, { name: wasm ? 'short' : 'long', wasm }).swap;
  if ((counts.shared !== null) !== wasm) throw new Error('this thread goes the wrong way');
  let added = 0;
  let held = 0;
  for (let round = 0; round < rounds; round++) {
    if (counts.swapDuplicate(entry) === 0) added++;
    held++;
    if (held <= round % 4) continue;
    for (; held > 0; held--) counts.swapFree(entry);
  }
  for (; held > 0; held--) counts.swapFree(entry);
  return added;
}
