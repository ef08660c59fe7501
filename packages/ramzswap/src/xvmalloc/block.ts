/**
 * Blocks: how a page of a pool is cut up.
 *
 * A page is tiled by blocks without gaps. Each starts on a 4-byte boundary with a 4-byte header and is followed by its payload:
 *
 *   bytes 0..1   size: of an allocated block the size that was asked for, not rounded; of a free block its payload bytes
 *   bytes 2..3   prev: byte offset in the page of the block before, low two bits used as flags
 *   bytes 4..    payload; in a free block of at least 32 payload bytes the links of its free list
 *
 * There is no end mark: the last block ends where the page ends. The 64-bit original needs 24 bytes for its links, aligned to 8, and
 * therefore does not link blocks of fewer than 32 bytes. Ours need 12, and the limit stays, since it decides which blocks are found.
 *
 * Promise: these are loads and stores of page bytes; they take no point. Whoever calls them has announced the page and holds the
 * pool's lock, or owns the object whose header it reads.
 */
import { PAGE_SIZE, type Arena } from '@swaplab/kernel-mm';

/** Alignment of blocks and their sizes, in bytes. @kernel XV_ALIGN, 2.6.34 */
export const XV_ALIGN = 4;
/** Bytes of a block's header. */
export const XV_HEADER_BYTES = 4;
/** Fewest payload bytes with which a free block is put on a list. @kernel XV_MIN_ALLOC_SIZE, 2.6.34 */
export const XV_MIN_ALLOC_SIZE = 32;
/** Most bytes that can be asked for; see `xvmalloc.ts` for the last four. @kernel XV_MAX_ALLOC_SIZE, 2.6.34 */
export const XV_MAX_ALLOC_SIZE = PAGE_SIZE - XV_HEADER_BYTES;

/** The block is free. @kernel BLOCK_FREE, 2.6.34 */
export const BLOCK_FREE = 1;
/** The block before it is free, and the offset in `prev` is valid. @kernel PREV_FREE, 2.6.34 */
export const PREV_FREE = 2;
const PREV_OFFSET_MASK = 0xfffc;
const ALIGN_MASK = XV_ALIGN - 1;

const SIZE = 0;
const PREV = 2;
const NEXT_PAGE = 4;
const PREVIOUS_PAGE = 8;
const NEXT_OFFSET = 12;
const PREVIOUS_OFFSET = 14;

/**
 * Rounds a size in bytes up to a whole number of alignment units.
 * @param bytes - 0 to 65532
 */
export function alignSize(bytes: number): number {
  return (bytes + ALIGN_MASK) & ~ALIGN_MASK;
}

/** One thread's accessors on blocks. A block is named by the byte address of its header. */
export class Blocks {
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;

  /** @param arena - this thread's views */
  constructor(arena: Arena) {
    this.u16 = arena.u16;
    this.i32 = arena.i32;
  }

  /** Size as stored: exact for an allocated block, a multiple of 4 for a free one. */
  sizeOf(block: number): number {
    return this.half(block + SIZE);
  }

  /** Stores the size, in bytes. */
  setSize(block: number, bytes: number): void {
    this.u16[(block + SIZE) >> 1] = bytes;
  }

  /** Whether any of the flags is set: {@link BLOCK_FREE}, {@link PREV_FREE}. */
  testFlag(block: number, flag: number): boolean {
    return (this.half(block + PREV) & flag) !== 0;
  }

  /** Sets a flag. @kernel set_flag in xvmalloc.c, 2.6.34 */
  setFlag(block: number, flag: number): void {
    this.u16[(block + PREV) >> 1] = this.half(block + PREV) | flag;
  }

  /** Clears a flag. @kernel clear_flag in xvmalloc.c, 2.6.34 */
  clearFlag(block: number, flag: number): void {
    this.u16[(block + PREV) >> 1] = this.half(block + PREV) & ~flag;
  }

  /** Byte offset in the page of the block before; valid where {@link PREV_FREE} is set. @kernel get_blockprev, 2.6.34 */
  previousOffset(block: number): number {
    return this.half(block + PREV) & PREV_OFFSET_MASK;
  }

  /** Stores the offset of the block before and keeps the flags. @kernel set_blockprev, 2.6.34 */
  setPreviousOffset(block: number, offset: number): void {
    this.u16[(block + PREV) >> 1] = offset | (this.half(block + PREV) & ~PREV_OFFSET_MASK);
  }

  /**
   * Starts a header afresh: flags as given, offset of the block before as given.
   * @param block - where
   * @param bytes - size
   * @param previousOffset - byte offset of the block before, multiple of 4
   * @param flags - {@link BLOCK_FREE} and {@link PREV_FREE}
   */
  writeHeader(block: number, bytes: number, previousOffset: number, flags: number): void {
    this.u16[(block + SIZE) >> 1] = bytes;
    this.u16[(block + PREV) >> 1] = previousOffset | flags;
  }

  /** Next block's page on the free list, 0 at the end. */
  nextPage(block: number): number {
    return this.word(block + NEXT_PAGE);
  }

  /** Next block's byte offset in its page; valid when {@link nextPage} is not 0. */
  nextOffset(block: number): number {
    return this.half(block + NEXT_OFFSET);
  }

  /** Previous block's page on the free list, 0 at the head. */
  previousPage(block: number): number {
    return this.word(block + PREVIOUS_PAGE);
  }

  /** Previous list member's byte offset in its page; valid when {@link previousPage} is not 0. */
  previousLinkOffset(block: number): number {
    return this.half(block + PREVIOUS_OFFSET);
  }

  /** Stores the link to the next block of the list. */
  setNext(block: number, page: number, offset: number): void {
    this.i32[(block + NEXT_PAGE) >> 2] = page;
    this.u16[(block + NEXT_OFFSET) >> 1] = offset;
  }

  /** Stores the link to the previous block of the list. */
  setPrevious(block: number, page: number, offset: number): void {
    this.i32[(block + PREVIOUS_PAGE) >> 2] = page;
    this.u16[(block + PREVIOUS_OFFSET) >> 1] = offset;
  }

  private half(address: number): number {
    return this.u16[address >> 1] ?? 0;
  }

  private word(address: number): number {
    return this.i32[address >> 2] ?? 0;
  }
}
