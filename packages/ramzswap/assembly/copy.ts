/**
 * Copies of literals and matches, which may write a few bytes too many where the caller says so: the next instruction overwrites them. They
 * never leave the output window and never read outside the input window: near the end of either, copies are exact.
 */

/** Above this length `memory.copy` is faster than a loop of 16 bytes a step. */
export const BULK_BYTES: i32 = 128;

/** Copies exactly so many bytes; the ranges do not overlap. */
export function copyExact(to: usize, from: usize, count: i32): void {
  if (count > BULK_BYTES) {
    memory.copy(to, from, count);
    return;
  }
  while (count >= 8) {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
    count -= 8;
  }
  while (count > 0) {
    store<u8>(to, load<u8>(from));
    to++;
    from++;
    count--;
  }
}

/** Copies literals that stand before a match: most runs are short. */
export function copyLiteralsBefore(op: usize, from: usize, count: i32): void {
  store<u64>(op, load<u64>(from));
  if (count > 8) copyWild8(op + 8, from + 8, count - 8);
}

/** Copies literals in steps of 16 bytes: reads and writes up to 15 bytes too many. A call in its place would cost a search its registers. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function copyLiteralsWide(to: usize, from: usize, count: i32): void {
  v128.store(to, v128.load(from));
  if (count <= 16) return;
  const end = to + <usize>count;
  while (true) {
    to += 16;
    from += 16;
    v128.store(to, v128.load(from));
    if (to + 16 >= end) return;
  }
}

/** Copies in steps of 8 bytes: reads and writes up to 7 bytes too many. */
function copyWild8(to: usize, from: usize, count: i32): void {
  if (count > BULK_BYTES) {
    memory.copy(to, from, count);
    return;
  }
  while (count > 0) {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
    count -= 8;
  }
}

/** Copies a match of a distance of at least 8; the output window has room for 16 bytes more, which what comes next overwrites. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function copyFarMatch(to: usize, distance: i32, length: i32): void {
  let from = to - <usize>distance;
  store<u64>(to, load<u64>(from));
  if (length <= 8) return;
  if (distance >= length && length > BULK_BYTES) {
    memory.copy(to, from, length);
    return;
  }
  const end = to + <usize>length;
  while (true) {
    to += 8;
    from += 8;
    if (to >= end) return;
    store<u64>(to, load<u64>(from));
  }
}

/** Copies a match in rising order; `to + length` is inside the output window. */
export function copyMatch(to: usize, distance: i32, length: i32, outputEnd: usize): void {
  let from = to - <usize>distance;
  const end = to + <usize>length;
  if (end + 16 <= outputEnd) {
    if (distance >= 8) {
      copyFarMatch(to, distance, length);
      return;
    }
    if (length > 8) {
      if (distance == 1 && length > BULK_BYTES) {
        memory.fill(to, load<u8>(from), length);
        return;
      }
      // The first eight bytes one by one; then the pattern repeats at every multiple of the distance, also at one of 8 or more.
      const eight = to + 8;
      while (to < eight) store<u8>(to++, load<u8>(from++));
      const period = <usize>(((7 + distance) / distance) * distance);
      from = to - period;
      while (to < end) {
        store<u64>(to, load<u64>(from));
        to += 8;
        from += 8;
      }
      return;
    }
  }
  while (to < end) store<u8>(to++, load<u8>(from++));
}

/** Copies a run of literals; both windows have room for it. */
export function copyLiterals(to: usize, from: usize, count: i32, outputEnd: usize, inputEnd: usize): void {
  if (to + <usize>count + 16 > outputEnd || from + <usize>count + 16 > inputEnd || count > BULK_BYTES) {
    copyExact(to, from, count);
    return;
  }
  v128.store(to, v128.load(from));
  while (count > 16) {
    to += 16;
    from += 16;
    count -= 16;
    v128.store(to, v128.load(from));
  }
}

/** End of the match at `end`, as far as the bytes before `limit` are equal to those a distance before. */
export function equalEnd(end: usize, distance: usize, limit: usize): usize {
  while (end + 8 <= limit) {
    const difference = load<u64>(end) ^ load<u64>(end - distance);
    if (difference != 0) return end + ((<usize>ctz(difference)) >> 3);
    end += 8;
  }
  while (end < limit && load<u8>(end - distance) == load<u8>(end)) end++;
  return end;
}
