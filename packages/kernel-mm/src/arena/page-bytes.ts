/**
 * The bytes of pages: copy, clear, zero test, compare.
 *
 * Two implementations with the same results. {@link TypeScriptPageBytes} is the reference and the fallback; {@link WasmPageBytes} is two to
 * five times as fast on shared memory, where the built-in copies and fills of JavaScript go by relaxed atomics. A thread chooses one when it
 * attaches and keeps it, so that each call site sees one kind.
 *
 * Callers must keep: addresses are byte addresses in the arena and lie, with all bytes that follow, inside it; pages are page aligned. Nothing
 * here announces a point: `Cells` does.
 */
import { PAGE_SIZE, type Arena } from './memory.js';
import { PAGE_BYTES_WASM } from './page-bytes-wasm.js';
import { instantiateOn } from './wasm.js';

/** Operations on the bytes of pages. */
export interface PageBytes {
  /** Whether this is the WASM implementation. */
  readonly wasm: boolean;
  /** Copies one page; the pages are different ones. */
  copyPage(to: number, from: number): void;
  /** Copies a number of bytes; the two ranges may overlap. */
  copyBytes(to: number, from: number, bytes: number): void;
  /** Fills one page with zeros. */
  clearPage(page: number): void;
  /** Whether all bytes of a page are zero. */
  isZeroPage(page: number): boolean;
  /** Whether two pages hold the same bytes. */
  isSamePage(page: number, other: number): boolean;
}

const PAGE_WORDS = PAGE_SIZE >> 2;

/** The operations in TypeScript. */
export class TypeScriptPageBytes implements PageBytes {
  readonly wasm = false;
  private readonly u8: Uint8Array;
  private readonly i32: Int32Array;

  /** @param arena - this thread's views */
  constructor(arena: Arena) {
    this.u8 = arena.u8;
    this.i32 = arena.i32;
  }

  /** See {@link PageBytes}. */
  copyPage(to: number, from: number): void {
    this.u8.copyWithin(to, from, from + PAGE_SIZE);
  }

  /** See {@link PageBytes}. */
  copyBytes(to: number, from: number, bytes: number): void {
    this.u8.copyWithin(to, from, from + bytes);
  }

  /** See {@link PageBytes}. */
  clearPage(page: number): void {
    // Element loops and fill() on shared memory are many times slower for bytes than for words.
    const first = page >> 2;
    this.i32.fill(0, first, first + PAGE_WORDS);
  }

  /** See {@link PageBytes}. */
  isZeroPage(page: number): boolean {
    const words = this.i32;
    const end = (page + PAGE_SIZE) >> 2;
    for (let word = page >> 2; word < end; word += 8) {
      const any =
        words[word]! |
        words[word + 1]! |
        words[word + 2]! |
        words[word + 3]! |
        words[word + 4]! |
        words[word + 5]! |
        words[word + 6]! |
        words[word + 7]!;
      if (any !== 0) return false;
    }
    return true;
  }

  /** See {@link PageBytes}. */
  isSamePage(page: number, other: number): boolean {
    const words = this.i32;
    const first = page >> 2;
    const second = other >> 2;
    for (let index = 0; index < PAGE_WORDS; index++) {
      if (words[first + index] !== words[second + index]) return false;
    }
    return true;
  }
}

/** What the module exports. @see assembly/page-bytes.ts */
interface PageBytesFunctions {
  copyPage(to: number, from: number): void;
  copyBytes(to: number, from: number, bytes: number): void;
  clearPage(page: number): void;
  isZeroPage(page: number): number;
  isSamePage(page: number, other: number): number;
}

/** The operations in WASM. */
export class WasmPageBytes implements PageBytes {
  readonly wasm = true;
  private readonly functions: PageBytesFunctions;

  /** @param functions - of the module, instantiated on the arena */
  constructor(functions: PageBytesFunctions) {
    this.functions = functions;
  }

  /** See {@link PageBytes}. */
  copyPage(to: number, from: number): void {
    this.functions.copyPage(to, from);
  }

  /** See {@link PageBytes}. */
  copyBytes(to: number, from: number, bytes: number): void {
    this.functions.copyBytes(to, from, bytes);
  }

  /** See {@link PageBytes}. */
  clearPage(page: number): void {
    this.functions.clearPage(page);
  }

  /** See {@link PageBytes}. */
  isZeroPage(page: number): boolean {
    return this.functions.isZeroPage(page) !== 0;
  }

  /** See {@link PageBytes}. */
  isSamePage(page: number, other: number): boolean {
    return this.functions.isSamePage(page, other) !== 0;
  }
}

/**
 * Makes the operations of one thread.
 * @param arena - this thread's views
 * @param wasm - whether WASM is wanted; where it cannot be had the result is the TypeScript implementation
 */
export function createPageBytes(arena: Arena, wasm: boolean): PageBytes {
  const functions = wasm ? instantiateOn(PAGE_BYTES_WASM, arena) : null;
  return functions === null
    ? new TypeScriptPageBytes(arena)
    : new WasmPageBytes(functions as PageBytesFunctions);
}
