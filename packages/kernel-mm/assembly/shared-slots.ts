/**
 * The short way of the counts of shared slots, in AssemblyScript: `swap_lock` taken, a map byte changed, the lock dropped, in one call. What it
 * promises is said in `src/swap/shared-slots.ts`; the readable twin is `SlotCounts`, which does all that is refused here.
 *
 * Works on the imported memory alone: no data of its own, no globals, no allocation. Built by `npm run wasm`.
 */

/** Bit of a map byte: the swap cache has a page. */
const SWAP_HAS_CACHE: u32 = 0x40;
/** Largest count of a map byte. */
const SWAP_MAP_MAX: u32 = 0x3e;

/**
 * Adds `delta` to the map byte of a slot, when `least` to `most` users have it. Whoever has the lock already keeps us out: then nothing happens.
 * @param lock - address of the lock word: 0, or its owner
 * @param me - what the word is while the caller has the lock
 * @param max - address of the length of the map
 * @param swapMap - address of the address of the map
 * @returns bit 0: whether the byte was changed; the bits above: 0, or what the lock word was when it was dropped, xor `me`
 */
// @ts-ignore: decorator
@inline
function change(lock: usize, me: i32, max: usize, swapMap: usize, offset: u32, least: u32, most: u32, delta: i32): i32 {
  if (atomic.cmpxchg<i32>(lock, 0, me) != 0) return 0;
  let done = 0;
  if (offset < load<u32>(max)) {
    const address: usize = load<u32>(swapMap) + offset;
    const byte: u32 = load<u8>(address);
    const count = byte & ~SWAP_HAS_CACHE;
    if (count - least <= most - least) {
      store<u8>(address, byte + delta);
      done = 1;
    }
  }
  return ((atomic.xchg<i32>(lock, 0) ^ me) << 1) | done;
}

/** One user more, of a slot that has one and room for another. */
export function addUser(lock: usize, me: i32, max: usize, swapMap: usize, offset: u32): i32 {
  return change(lock, me, max, swapMap, offset, 1, SWAP_MAP_MAX - 1, 1);
}

/** One user less, of a slot that has another. */
export function dropUser(lock: usize, me: i32, max: usize, swapMap: usize, offset: u32): i32 {
  return change(lock, me, max, swapMap, offset, 2, SWAP_MAP_MAX, -1);
}
