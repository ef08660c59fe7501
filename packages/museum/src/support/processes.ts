/**
 * Processes of a scenario. What is in a page of theirs is told by its first word.
 *
 * A process is named by the address of its address space, which is plain data; each thread makes its own handle of it.
 */
import { AddressSpace, PAGE_SIZE, type MachineView } from '@swaplab/kernel-mm';

const WORD_BYTES = 4;

/**
 * Starts a process whose pages are in memory. For set-ups. @quiescent
 * @param view - of the set-up
 * @param words - what is in its first pages
 * @param pages - how many it may have; as many as there are words when not given
 * @returns the address of its address space
 */
export function startProcess(view: MachineView, words: readonly number[], pages = words.length): number {
  const space = view.createAddressSpace({ bytes: pages * PAGE_SIZE });
  for (const [page, word] of words.entries()) space.write(page * PAGE_SIZE, bytesOf(word));
  return space.id;
}

/**
 * A thread's handle of a process.
 * @param view - of the calling thread
 * @param process - from {@link startProcess}, still living
 */
export function processOf(view: MachineView, process: number): AddressSpace {
  return new AddressSpace(view.kernel.vm, process);
}

/**
 * Reads a page of a process, which must be as expected.
 * @param view - of the calling thread
 * @param space - the process
 * @param page - which of its pages
 * @param word - what must be in it
 */
export function expectPage(view: MachineView, space: AddressSpace, page: number, word: number): void {
  const bytes = new Uint8Array(WORD_BYTES);
  space.read(page * PAGE_SIZE, bytes);
  const found = bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24);
  if (found !== word) {
    view.kernel.core.context.bug(
      `Page ${page} of a process reads as 0x${(found >>> 0).toString(16)} and not as 0x${(word >>> 0).toString(16)}.`,
    );
  }
}

/**
 * Writes to a page of a process.
 * @param space - the process
 * @param page - which of its pages
 * @param word - what is to be in it
 */
export function rewritePage(space: AddressSpace, page: number, word: number): void {
  space.write(page * PAGE_SIZE, bytesOf(word));
}

function bytesOf(word: number): Uint8Array {
  return Uint8Array.of(word, word >>> 8, word >>> 16, word >>> 24);
}
