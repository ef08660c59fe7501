/**
 * What the threads of the page tests do: take, share and give back frames, each knowing which are its own by what it wrote into them.
 */
import { PAGE_SIZE } from '#src/arena/memory.js';
import { GFP_ATOMIC, GFP_KERNEL } from '#src/page/page.js';
import type { TestCoreHandle } from '../support/core.js';
import { attachPageMachine, type PageMachine } from './machine.js';

/** What a thread is told. */
export interface FramesInput {
  readonly handle: TestCoreHandle;
  readonly seed: number;
  readonly rounds: number;
  /** Pages this thread may hold at one time. */
  readonly holds: number;
}

/** What a thread did. */
export interface FramesResult {
  readonly allocated: number;
  readonly refused: number;
  /** Pages taken off the lists of reclaim, of whatever thread. */
  readonly isolated: number;
  /** Charges refused for the limit. */
  readonly overLimit: number;
  /** Pages that did not hold what their owner wrote. */
  readonly clashes: number;
}

/** Takes and frees frames at random; puts them on the lists of reclaim, where all threads take references and move them about. */
export function churnFrames(input: FramesInput): FramesResult {
  const machine = attachPageMachine(input.handle, { name: `frames ${input.seed}` });
  const { frames, list } = machine;
  const me = input.seed + 1;
  const result = { allocated: 0, refused: 0, isolated: 0, overLimit: 0, clashes: 0 };
  const held: number[] = [];
  let random = Math.imul(me, 0x9e37_79b9);
  for (let round = 0; round < input.rounds; round++) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
    const choice = random >>> 16;
    if ((choice & 7) === 0) {
      const pages: number[] = [];
      const isolated = list.isolate(frames, (choice >>> 3) & 1, 1 + ((choice >>> 5) & 3), pages);
      if (isolated === 0) continue;
      result.isolated += isolated;
      // Back to where they came from, or to the inactive list.
      if ((choice & 0x10) !== 0) list.deactivate(pages);
      else list.putback(pages);
      for (const page of pages) frames.putPage(page);
    } else if (held.length < input.holds && (choice & 0x18) !== 0) {
      const page = frames.allocPage((choice & 2) === 0 ? GFP_ATOMIC : GFP_KERNEL);
      if (page === 0) {
        result.refused++;
        continue;
      }
      if (!frames.tryCharge(page)) {
        frames.freePage(page);
        result.overLimit++;
        continue;
      }
      result.allocated++;
      fill(machine, page, me);
      if ((choice & 0x20) !== 0) list.lruCacheAddActive(page);
      else list.lruCacheAddInactive(page);
      held.push(page);
    } else if (held.length > 0 && (choice & 0x60) === 0) {
      const page = held[choice % held.length]!;
      list.markPageAccessed(page);
      if ((choice & 0x80) !== 0) list.rotateReclaimablePage(page);
    } else if (held.length > 0) {
      const page = held.splice(choice % held.length, 1)[0]!;
      if (!isMine(machine, page, me)) result.clashes++;
      frames.putPage(page);
    }
  }
  for (const page of held) {
    if (!isMine(machine, page, me)) result.clashes++;
    frames.putPage(page);
  }
  return result;
}

/** Takes and frees blocks of table memory; returns the number of words that were not zero, or were somebody else's. */
export function churnTables(input: FramesInput): number {
  const machine = attachPageMachine(input.handle, { name: `tables ${input.seed}` });
  const { i32 } = machine.test.arena;
  let wrong = 0;
  for (let round = 0; round < input.rounds; round++) {
    const pages = 1 + ((round * 7 + input.seed) % input.holds);
    const block = machine.tables.vmalloc(pages * PAGE_SIZE);
    if (block === 0) continue;
    const words = i32.subarray(block >> 2, (block + pages * PAGE_SIZE) >> 2);
    for (let index = 0; index < words.length; index += 64) {
      if (words[index] !== 0) wrong++;
      words[index] = input.seed + 1;
    }
    for (let index = 0; index < words.length; index += 64) if (words[index] !== input.seed + 1) wrong++;
    machine.tables.vfree(block);
  }
  return wrong;
}

function fill({ frames, test }: PageMachine, page: number, value: number): void {
  const first = frames.addressOf(page) >> 2;
  for (let word = 0; word < PAGE_SIZE >> 2; word += 32) test.arena.i32[first + word] = value;
}

function isMine({ frames, test }: PageMachine, page: number, value: number): boolean {
  const first = frames.addressOf(page) >> 2;
  for (let word = 0; word < PAGE_SIZE >> 2; word += 32)
    if (test.arena.i32[first + word] !== value) return false;
  return true;
}
