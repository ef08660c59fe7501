/**
 * Loads and stores of shared kernel cells.
 *
 * Promise: each accessor is a leaf that announces its point and then does exactly one memory operation. Addresses are byte addresses in
 * the arena, aligned to the width of the access. Data that a lock protects uses plain accesses; `atomic...` is for lock words and for cells
 * that are polled without a lock (an Atomics call costs 5 to 10 ns here, a plain one 0.4 ns).
 *
 * Bounds are not checked here: the typed array answers `undefined` outside, and callers assert their indices where they come in.
 */
import { PAGE_SHIFT, PAGE_SIZE, type Arena } from '../arena/memory.js';
import { TypeScriptPageBytes, type PageBytes } from '../arena/page-bytes.js';
import {
  NOSITE as NO_SITE,
  POINT_ATOMIC,
  POINT_BYTES,
  POINT_LOAD,
  POINT_STORE,
  type PointHook,
  type Site,
} from './point.js';

/** The {@link NO_SITE} of points; an imported constant is loaded and checked at each use, one of this module is not. */
const NOSITE: Site = NO_SITE;

/** One thread's accessors on the arena. */
export class Cells {
  /** The views themselves, for page bytes and for state that belongs to one thread alone. */
  readonly arena: Arena;
  /** Called before each operation, or null in the free way. */
  readonly hook: PointHook | null;
  /** The operations on page bytes, without points. */
  readonly bytes: PageBytes;
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;

  /**
   * @param arena - this thread's views
   * @param hook - see {@link PointHook}; null in the free way
   * @param bytes - the thread's operations on page bytes; by default those in TypeScript
   */
  constructor(arena: Arena, hook: PointHook | null, bytes: PageBytes = new TypeScriptPageBytes(arena)) {
    this.arena = arena;
    this.hook = hook;
    this.bytes = bytes;
    this.u8 = arena.u8;
    this.u16 = arena.u16;
    this.i32 = arena.i32;
  }

  /** Loads a byte. @point obj=0 */
  ld8(address: number, site: Site = NOSITE): number {
    if (this.hook !== null) this.hook(POINT_LOAD, address, site);
    return this.u8[address]!;
  }

  /** Stores a byte. @point obj=0 */
  st8(address: number, value: number, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_STORE, address, site);
    this.u8[address] = value;
  }

  /** Loads an unsigned 16-bit cell. @point obj=0 */
  ld16(address: number, site: Site = NOSITE): number {
    if (this.hook !== null) this.hook(POINT_LOAD, address, site);
    return this.u16[address >> 1]!;
  }

  /** Stores an unsigned 16-bit cell. @point obj=0 */
  st16(address: number, value: number, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_STORE, address, site);
    this.u16[address >> 1] = value;
  }

  /** Loads a signed 32-bit cell. @point obj=0 */
  ld32(address: number, site: Site = NOSITE): number {
    if (this.hook !== null) this.hook(POINT_LOAD, address, site);
    return this.i32[address >> 2]!;
  }

  /** Loads an unsigned 32-bit cell. @point obj=0 */
  ldu32(address: number, site: Site = NOSITE): number {
    if (this.hook !== null) this.hook(POINT_LOAD, address, site);
    return this.i32[address >> 2]! >>> 0;
  }

  /** Stores a 32-bit cell; the value is taken modulo 2^32. @point obj=0 */
  st32(address: number, value: number, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_STORE, address, site);
    this.i32[address >> 2] = value;
  }

  /** Loads a 32-bit cell that is polled without a lock. @point obj=0 */
  atomicLoad(address: number, site: Site = NOSITE): number {
    if (this.hook !== null) this.hook(POINT_ATOMIC, address, site);
    return Atomics.load(this.i32, address >> 2);
  }

  /** Stores a 32-bit cell that is polled without a lock. @point obj=0 */
  atomicStore(address: number, value: number, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_ATOMIC, address, site);
    Atomics.store(this.i32, address >> 2, value);
  }

  /** Adds to a 32-bit cell; returns the value before. @point obj=0 */
  atomicAdd(address: number, delta: number, site: Site = NOSITE): number {
    if (this.hook !== null) this.hook(POINT_ATOMIC, address, site);
    return Atomics.add(this.i32, address >> 2, delta);
  }

  /** Stores `replacement` if the cell holds `expected`; returns the value before. @point obj=0 */
  atomicCompareExchange(address: number, expected: number, replacement: number, site: Site = NOSITE): number {
    if (this.hook !== null) this.hook(POINT_ATOMIC, address, site);
    return Atomics.compareExchange(this.i32, address >> 2, expected, replacement);
  }

  /** Stores and returns the value before. @point obj=0 */
  atomicExchange(address: number, value: number, site: Site = NOSITE): number {
    if (this.hook !== null) this.hook(POINT_ATOMIC, address, site);
    return Atomics.exchange(this.i32, address >> 2, value);
  }

  /** Sets bits of a 32-bit cell; returns the value before. @point obj=0 */
  atomicOr(address: number, bits: number, site: Site = NOSITE): number {
    if (this.hook !== null) this.hook(POINT_ATOMIC, address, site);
    return Atomics.or(this.i32, address >> 2, bits);
  }

  /** Keeps only some bits of a 32-bit cell; returns the value before. @point obj=0 */
  atomicAnd(address: number, bits: number, site: Site = NOSITE): number {
    if (this.hook !== null) this.hook(POINT_ATOMIC, address, site);
    return Atomics.and(this.i32, address >> 2, bits);
  }

  /** Announces a chunk of bytes, or of a long scan, that is then accessed directly. @point obj=0 */
  announce(address: number, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_BYTES, address, site);
  }

  /** Copies one page; both addresses are page aligned and the pages do not overlap. @point obj=0 */
  copyPage(to: number, from: number, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_BYTES, to, site);
    this.bytes.copyPage(to, from);
  }

  /** Fills one page with zeros. @point obj=0 */
  clearPage(page: number, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_BYTES, page, site);
    this.bytes.clearPage(page);
  }

  /** Whether all bytes of a page are zero. @point obj=0 */
  isZeroPage(page: number, site: Site = NOSITE): boolean {
    if (this.hook !== null) this.hook(POINT_BYTES, page, site);
    return this.bytes.isZeroPage(page);
  }

  /** Whether two pages hold the same bytes. @point obj=0 */
  isSamePage(page: number, other: number, site: Site = NOSITE): boolean {
    if (this.hook !== null) this.hook(POINT_BYTES, page, site);
    return this.bytes.isSamePage(page, other);
  }

  /** Copies bytes inside pages; the two ranges may overlap. @point obj=0 */
  copyBytes(to: number, from: number, bytes: number, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_BYTES, to, site);
    this.bytes.copyBytes(to, from, bytes);
  }
}

/**
 * Number of pages that hold a number of bytes.
 * @param bytes - size in bytes
 */
export function pagesFor(bytes: number): number {
  return (bytes + PAGE_SIZE - 1) >>> PAGE_SHIFT;
}
