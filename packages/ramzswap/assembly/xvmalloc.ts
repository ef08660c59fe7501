/**
 * The short way of xvmalloc in AssemblyScript: `pool_lock` taken, an object taken or given back, the lock dropped, in one call. What it promises is said
 * in `src/xvmalloc/wasm-pool.ts`; the readable twin is `XvPool`, which does all that is refused here.
 *
 * Works on the imported memory alone: no data of its own, no globals, no allocation. Built by `npm run wasm`.
 */

const XV_HEADER_BYTES: u32 = 4;
const XV_MIN_ALLOC_SIZE: u32 = 32;
const XV_MAX_ALLOC_SIZE: u32 = 4092;
const PAGE_SIZE: u32 = 4096;
const NUM_FREE_LISTS: u32 = 508;
const BLOCK_FREE: u32 = 1;
const PREV_FREE: u32 = 2;
const FLAGS: u32 = 3;

// Places in a pool: see `XV_POOL` in `src/xvmalloc/free-lists.ts`.
const TOTAL_PAGES: usize = 8;
const FLBITMAP: usize = 12;
const SLBITMAP: usize = 16;
const FREELIST: usize = 80;

// Places in a block: see `src/xvmalloc/block.ts`.
const SIZE: usize = 0;
const PREV: usize = 2;
const NEXT_PAGE: usize = 4;
const PREVIOUS_PAGE: usize = 8;
const NEXT_OFFSET: usize = 12;
const PREVIOUS_OFFSET: usize = 14;

// Places in a location: see `XV_LOCATION` in `src/xvmalloc/xvmalloc.ts`.
const LOCATION_PAGE: usize = 0;
const LOCATION_OFFSET: usize = 4;

/** A page descriptor has 64 bytes, a page 4096. */
const DESCRIPTOR_TO_FRAME_SHIFT: u32 = 6;

/** Nothing was done. */
const REFUSED: i32 = 0;
const DONE: i32 = 1;
/** The page of the freed object is empty and no longer the pool's; or: no free block is large enough. */
const DONE_AND_MORE: i32 = 2;

/** Address of a frame; `bias` is that of the frame of a descriptor at address 0. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function frameOf(page: u32, bias: usize): usize {
  return bias + ((<usize>page) << DESCRIPTOR_TO_FRAME_SHIFT);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function headOf(pool: usize, index: u32): usize {
  return pool + FREELIST + ((<usize>index) << 3);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function indexForInsert(bytes: u32): u32 {
  return (bytes - XV_MIN_ALLOC_SIZE) >> 3;
}

/** Puts a free block of so many bytes at the head of its list. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function insert(pool: usize, bias: usize, page: u32, offset: u32, block: usize, bytes: u32): void {
  const index = indexForInsert(bytes);
  const head = headOf(pool, index);
  const nextPage = load<u32>(head);
  const nextOffset = load<u32>(head, 4);
  store<u32>(block, 0, PREVIOUS_PAGE);
  store<u16>(block, 0, PREVIOUS_OFFSET);
  store<u32>(block, nextPage, NEXT_PAGE);
  store<u16>(block, nextOffset, NEXT_OFFSET);
  if (nextPage != 0) {
    const next = frameOf(nextPage, bias) + nextOffset;
    store<u32>(next, page, PREVIOUS_PAGE);
    store<u16>(next, offset, PREVIOUS_OFFSET);
  }
  store<u32>(head, page);
  store<u32>(head, offset, 4);
  const second = pool + SLBITMAP + ((<usize>(index >> 5)) << 2);
  store<u32>(second, load<u32>(second) | (1 << (index & 31)));
  store<u32>(pool, load<u32>(pool, FLBITMAP) | (1 << (index >> 5)), FLBITMAP);
}

/** Whether a free block of so many bytes can be taken off its list: one that is not its head has something before it. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function isLinked(pool: usize, page: u32, offset: u32, block: usize, bytes: u32): bool {
  if (load<u32>(block, PREVIOUS_PAGE) != 0) return true;
  const head = headOf(pool, indexForInsert(bytes));
  return load<u32>(head) == page && load<u32>(head, 4) == offset;
}

/** Takes a free block of so many bytes off its list. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function remove(pool: usize, bias: usize, block: usize, bytes: u32): void {
  const previousPage = load<u32>(block, PREVIOUS_PAGE);
  const previousOffset = <u32>load<u16>(block, PREVIOUS_OFFSET);
  const nextPage = load<u32>(block, NEXT_PAGE);
  const nextOffset = <u32>load<u16>(block, NEXT_OFFSET);
  if (nextPage != 0) {
    const next = frameOf(nextPage, bias) + nextOffset;
    store<u32>(next, previousPage, PREVIOUS_PAGE);
    store<u16>(next, previousOffset, PREVIOUS_OFFSET);
  }
  if (previousPage != 0) {
    const previous = frameOf(previousPage, bias) + previousOffset;
    store<u32>(previous, nextPage, NEXT_PAGE);
    store<u16>(previous, nextOffset, NEXT_OFFSET);
    return;
  }
  const index = indexForInsert(bytes);
  const head = headOf(pool, index);
  store<u32>(head, nextPage);
  store<u32>(head, nextOffset, 4);
  if (nextPage != 0) return;
  const second = pool + SLBITMAP + ((<usize>(index >> 5)) << 2);
  const rest = load<u32>(second) & ~(1 << (index & 31));
  store<u32>(second, rest);
  if (rest == 0) store<u32>(pool, load<u32>(pool, FLBITMAP) & ~(1 << (index >> 5)), FLBITMAP);
}

/**
 * Drops the lock; returns what was done, and above bit 1 what else than `me` was in the lock word: its lowest 28 bits, and above them its highest two.
 * The two between have no use in a lock word.
 */
// @ts-ignore: a decorator of AssemblyScript
@inline
function drop(lock: usize, me: i32, done: i32): i32 {
  const more = <u32>(atomic.xchg<i32>(lock, 0) ^ me);
  return more == 0 ? done : done | (more << 4 >> 2) | (more & 0xc0000000);
}

/** The body of {@link take}, with the lock held. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function takeLocked(pool: usize, bias: usize, size: u32, location: usize): i32 {
  const bytes = (size + 3) & ~3;
  const wanted = (max(bytes, XV_MIN_ALLOC_SIZE) - XV_MIN_ALLOC_SIZE + 7) >> 3;
  if (wanted >= NUM_FREE_LISTS) return DONE_AND_MORE;
  const first = load<u32>(pool, FLBITMAP);
  let word = wanted >> 5;
  let lists = load<u32>(pool + SLBITMAP + ((<usize>word) << 2)) & (0xffffffff << (wanted & 31));
  if (lists == 0) {
    const words = first & (0xfffffffe << word);
    if (words == 0) return DONE_AND_MORE;
    word = ctz(words);
    lists = load<u32>(pool + SLBITMAP + ((<usize>word) << 2));
  }
  const head = headOf(pool, (word << 5) + ctz(lists));
  const page = load<u32>(head);
  const offset = load<u32>(head, 4);
  const frame = frameOf(page, bias);
  const block = frame + offset;
  const blockBytes = <u32>load<u16>(block, SIZE);
  const flags = <u32>load<u16>(block, PREV);
  if (page == 0 || blockBytes < bytes || (flags & PREV_FREE) != 0 || load<u32>(block, PREVIOUS_PAGE) != 0) return REFUSED;
  remove(pool, bias, block, blockBytes);
  const rest = blockBytes - bytes;
  const next = offset + XV_HEADER_BYTES + blockBytes;
  if (rest == 0) {
    if (next < PAGE_SIZE) store<u16>(frame + next, load<u16>(frame + next, PREV) & ~PREV_FREE, PREV);
  } else {
    const remainder = offset + XV_HEADER_BYTES + bytes;
    const restBytes = rest - XV_HEADER_BYTES;
    store<u32>(frame + remainder, restBytes | ((offset | BLOCK_FREE) << 16));
    if (restBytes >= XV_MIN_ALLOC_SIZE) insert(pool, bias, page, remainder, frame + remainder, restBytes);
    if (next < PAGE_SIZE) store<u16>(frame + next, remainder | (<u32>load<u16>(frame + next, PREV) & FLAGS), PREV);
  }
  store<u32>(block, size | ((flags & ~BLOCK_FREE) << 16));
  store<u32>(location, page, LOCATION_PAGE);
  store<u16>(location, offset + XV_HEADER_BYTES, LOCATION_OFFSET);
  return DONE;
}

/**
 * Takes an object of 1 to 4092 bytes from the free blocks of a pool. Whoever has the lock already keeps us out: then nothing happens.
 * @param lock - address of the lock word: 0, or its owner
 * @param me - what the word is while the caller has the lock
 * @param location - where the answer goes
 */
export function take(lock: usize, me: i32, pool: usize, bias: usize, size: u32, location: usize): i32 {
  if (atomic.cmpxchg<i32>(lock, 0, me) != 0) return REFUSED;
  return drop(lock, me, takeLocked(pool, bias, size, location));
}

/** The body of {@link give}, with the lock held. All is looked at before anything is changed. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function giveLocked(pool: usize, bias: usize, page: u32, freed: u32): i32 {
  const frame = frameOf(page, bias);
  let offset = freed;
  if (offset >= XV_MAX_ALLOC_SIZE || (offset & 3) != 0) return REFUSED;
  const flags = <u32>load<u16>(frame + offset, PREV);
  if ((flags & BLOCK_FREE) != 0) return REFUSED;
  let bytes = (<u32>load<u16>(frame + offset, SIZE) + 3) & ~3;
  let next = offset + XV_HEADER_BYTES + bytes;
  let nextBytes: u32 = 0;
  let nextFlags: u32 = 0;
  if (next < PAGE_SIZE) {
    nextFlags = <u32>load<u16>(frame + next, PREV);
    if ((nextFlags & BLOCK_FREE) != 0) {
      nextBytes = <u32>load<u16>(frame + next, SIZE);
      if (nextBytes >= XV_MIN_ALLOC_SIZE && !isLinked(pool, page, next, frame + next, nextBytes)) return REFUSED;
    }
  }
  if ((flags & PREV_FREE) != 0) {
    const previous = flags & ~FLAGS;
    const previousBytes = <u32>load<u16>(frame + previous, SIZE);
    const isOnList = previousBytes >= XV_MIN_ALLOC_SIZE;
    if (isOnList && !isLinked(pool, page, previous, frame + previous, previousBytes)) return REFUSED;
    offset = previous;
  }
  if ((nextFlags & BLOCK_FREE) != 0) {
    if (nextBytes >= XV_MIN_ALLOC_SIZE) remove(pool, bias, frame + next, nextBytes);
    bytes += XV_HEADER_BYTES + nextBytes;
    next += XV_HEADER_BYTES + nextBytes;
  }
  if (offset != freed) {
    const previousBytes = <u32>load<u16>(frame + offset, SIZE);
    if (previousBytes >= XV_MIN_ALLOC_SIZE) remove(pool, bias, frame + offset, previousBytes);
    bytes += XV_HEADER_BYTES + previousBytes;
  }
  const block = frame + offset;
  store<u16>(block, bytes, SIZE);
  if (bytes == XV_MAX_ALLOC_SIZE) {
    store<u32>(pool, load<u32>(pool, TOTAL_PAGES) - 1, TOTAL_PAGES);
    return DONE_AND_MORE;
  }
  store<u16>(block, load<u16>(block, PREV) | BLOCK_FREE, PREV);
  if (bytes >= XV_MIN_ALLOC_SIZE) insert(pool, bias, page, offset, block, bytes);
  if (next < PAGE_SIZE) store<u16>(frame + next, offset | PREV_FREE | (<u32>load<u16>(frame + next, PREV) & BLOCK_FREE), PREV);
  return DONE;
}

/**
 * Gives an object back. Whoever has the lock already keeps us out: then nothing happens; nor for an offset at which no object can be.
 * @param freed - byte offset of its block in the page
 */
export function give(lock: usize, me: i32, pool: usize, bias: usize, page: u32, freed: u32): i32 {
  if (atomic.cmpxchg<i32>(lock, 0, me) != 0) return REFUSED;
  return drop(lock, me, giveLocked(pool, bias, page, freed));
}
