/**
 * All bytes of a machine that stands still, to keep them outside of it: in a file, say.
 *
 * Promise: an image holds every page of the memory that is not all zeros, and putting its pages into a new memory makes that the same, byte for
 * byte: scratch areas and free frames too, since a fault of history may well read what it has no right to. What a snapshot is to a machine
 * that goes on, an image is to one that is put away.
 *
 * Callers see to it that no thread is attached meanwhile.
 */
import { MisuseError } from '../errno.js';
import { PAGE_SHIFT, PAGE_SIZE, type Arena } from './memory.js';
import { createPageBytes } from './page-bytes.js';

/** The bytes of a memory; private memory of the thread that took them. */
export interface MemoryImage {
  /** Bytes of the memory, a multiple of the page size. */
  readonly bytes: number;
  /** Pages that are not all zeros, ascending, counted from the start of the memory. */
  readonly indices: Int32Array;
  /** Their bytes, one after the other. */
  readonly pages: Uint8Array;
}

/**
 * Copies all of a memory.
 * @param arena - this thread's views
 */
export function takeImage(arena: Arena): MemoryImage {
  const pageBytes = createPageBytes(arena, true);
  const found: number[] = [];
  for (let page = 0; page < arena.bytes; page += PAGE_SIZE)
    if (!pageBytes.isZeroPage(page)) found.push(page >> PAGE_SHIFT);
  const pages = new Uint8Array(found.length * PAGE_SIZE);
  for (const [place, index] of found.entries()) {
    const from = index * PAGE_SIZE;
    pages.set(arena.u8.subarray(from, from + PAGE_SIZE), place * PAGE_SIZE);
  }
  return { bytes: arena.bytes, indices: Int32Array.from(found), pages };
}

/**
 * Puts an image into a memory.
 * @param arena - of this thread, all zeros
 * @param image - of a memory of the same size
 * @throws {@link MisuseError} `ERR_INVALID_ARGUMENT` when the image is of another size, or is no image; the memory is then of no use
 */
export function putImage(arena: Arena, image: MemoryImage): void {
  const { bytes, indices, pages } = image;
  if (bytes !== arena.bytes) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `This image is of a memory of ${bytes} bytes, but a machine of its configuration has ${arena.bytes}: another version of the code made it.`,
    );
  }
  if (pages.length !== indices.length * PAGE_SIZE) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `This image has ${indices.length} numbers of pages, but ${pages.length} bytes of them.`,
    );
  }
  let previous = -1;
  for (const [place, index] of indices.entries()) {
    if (index <= previous || index >= bytes / PAGE_SIZE) {
      throw new MisuseError(
        'ERR_INVALID_ARGUMENT',
        `This image has page ${index} of ${bytes / PAGE_SIZE} behind page ${previous}.`,
      );
    }
    arena.u8.set(pages.subarray(place * PAGE_SIZE, (place + 1) * PAGE_SIZE), index * PAGE_SIZE);
    previous = index;
  }
}
