/**
 * Page frames of a scenario's own, and what is in them: a page is full of one word, so that a page of which a part comes from elsewhere is none.
 *
 * A frame belongs to one thread of a scenario: what it does there itself needs no points.
 */
import { GFP_KERNEL, PAGE_SIZE, type MachineView } from '@swaplab/kernel-mm';

const WORDS = PAGE_SIZE >> 2;

/**
 * Takes a page frame. For set-ups. @quiescent
 * @param view - of the set-up
 * @returns its byte address
 */
export function takeFrame(view: MachineView): number {
  const { frames, core } = view.kernel;
  const page = frames.allocPage(GFP_KERNEL);
  if (page === 0) core.context.bug('The machine of this scenario has too few page frames.');
  return frames.addressOf(page);
}

/**
 * Fills a page.
 * @param view - of the thread whose page it is
 * @param address - byte address of a page frame
 * @param word - which page it is to be
 */
export function fillPage(view: MachineView, address: number, word: number): void {
  view.kernel.core.cells.arena.i32.fill(word, address >> 2, (address >> 2) + WORDS);
}

/**
 * Whether all of a page is as {@link fillPage} makes it.
 * @param view - of the thread whose page it is
 * @param address - byte address of a page frame
 * @param word - which page it should be
 */
export function isPage(view: MachineView, address: number, word: number): boolean {
  const { i32 } = view.kernel.core.cells.arena;
  for (let index = address >> 2; index < (address >> 2) + WORDS; index++)
    if (i32[index] !== word) return false;
  return true;
}

/**
 * What a page is, for reports.
 * @param view - of the thread whose page it is
 * @param address - byte address of a page frame
 */
export function describePage(view: MachineView, address: number): string {
  const { i32 } = view.kernel.core.cells.arena;
  const first = i32[address >> 2]!;
  const last = i32[(address >> 2) + WORDS - 1]!;
  return first === last
    ? `a page of 0x${hex(first)}`
    : `0x${hex(first)} at its start and 0x${hex(last)} at its end`;
}

function hex(word: number): string {
  return (word >>> 0).toString(16);
}
