/**
 * The bytes of pages, in AssemblyScript. The readable twin, which says what each function promises, is `src/arena/page-bytes.ts`.
 *
 * Works on the imported memory alone: no data of its own, no globals, no allocation. Addresses are byte addresses in the arena; pages are
 * page aligned. Built by `npm run wasm`.
 */

const PAGE_SIZE: usize = 4096;

/** Copies one page. */
export function copyPage(to: usize, from: usize): void {
  memory.copy(to, from, PAGE_SIZE);
}

/** Copies bytes; the two ranges may overlap. */
export function copyBytes(to: usize, from: usize, bytes: usize): void {
  memory.copy(to, from, bytes);
}

/** Fills one page with zeros. */
export function clearPage(page: usize): void {
  memory.fill(page, 0, PAGE_SIZE);
}

/** 1 when all bytes of a page are zero, else 0. */
export function isZeroPage(page: usize): i32 {
  const end = page + PAGE_SIZE;
  while (page < end) {
    const any = v128.or(
      v128.or(v128.load(page), v128.load(page, 16)),
      v128.or(v128.load(page, 32), v128.load(page, 48)),
    );
    if (v128.any_true(any)) return 0;
    page += 64;
  }
  return 1;
}

/** 1 when two pages hold the same bytes, else 0. */
export function isSamePage(page: usize, other: usize): i32 {
  const end = page + PAGE_SIZE;
  while (page < end) {
    const any = v128.or(
      v128.or(
        v128.xor(v128.load(page), v128.load(other)),
        v128.xor(v128.load(page, 16), v128.load(other, 16)),
      ),
      v128.or(
        v128.xor(v128.load(page, 32), v128.load(other, 32)),
        v128.xor(v128.load(page, 48), v128.load(other, 48)),
      ),
    );
    if (v128.any_true(any)) return 0;
    page += 64;
    other += 64;
  }
  return 1;
}
