/**
 * Loads and stores of shared kernel cells.
 *
 * Promise: each accessor is a leaf that does exactly one memory operation, and announces its point before it where somebody listens: a thread
 * with a hook has {@link AnnouncingCells}. In the free way nobody does, and {@link Cells} are the operations alone: they are the most frequent
 * calls of all, and short enough that the engine puts each in the place of its call.
 *
 * Addresses are byte addresses in the arena, aligned to the width of the access. Data that a lock protects uses plain accesses; `atomic...` is
 * for lock words and for cells that are polled without a lock (an Atomics call costs 5 to 15 ns here, a plain one 0.4 ns).
 *
 * Bounds are not checked here: the typed array answers `undefined` outside, and callers assert their indices where they come in.
 */
import { PAGE_SHIFT, PAGE_SIZE, type Arena } from '../arena/memory.js';
import { TypeScriptPageBytes, type PageBytes } from '../arena/page-bytes.js';
import {
  NOSITE,
  POINT_ATOMIC,
  POINT_BYTES,
  POINT_LOAD,
  POINT_STORE,
  POINT_WAIT,
  type PointHook,
  type Site,
} from './point.js';

/** One thread's accessors on the arena, for the free way. `createCells` makes the right ones. */
export class Cells {
  /** The views themselves, for page bytes and for state that belongs to one thread alone. */
  readonly arena: Arena;
  /** Called before each operation, or null in the free way. */
  readonly hook: PointHook | null = null;
  /** The operations on page bytes, without points. */
  readonly bytes: PageBytes;
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;

  /**
   * @param arena - this thread's views
   * @param bytes - the thread's operations on page bytes; by default those in TypeScript
   */
  constructor(arena: Arena, bytes: PageBytes = new TypeScriptPageBytes(arena)) {
    this.arena = arena;
    this.bytes = bytes;
    this.u8 = arena.u8;
    this.u16 = arena.u16;
    this.i32 = arena.i32;
  }

  /** Loads a byte. @point obj=0 kind=load */
  ld8(address: number, _site?: Site): number {
    return this.u8[address]!;
  }

  /** Stores a byte. @point obj=0 kind=store */
  st8(address: number, value: number, _site?: Site): void {
    this.u8[address] = value;
  }

  /** Loads an unsigned 16-bit cell. @point obj=0 kind=load */
  ld16(address: number, _site?: Site): number {
    return this.u16[address >> 1]!;
  }

  /** Stores an unsigned 16-bit cell. @point obj=0 kind=store */
  st16(address: number, value: number, _site?: Site): void {
    this.u16[address >> 1] = value;
  }

  /** Loads a signed 32-bit cell. @point obj=0 kind=load */
  ld32(address: number, _site?: Site): number {
    return this.i32[address >> 2]!;
  }

  /** Loads an unsigned 32-bit cell. @point obj=0 kind=load */
  ldu32(address: number, _site?: Site): number {
    return this.i32[address >> 2]! >>> 0;
  }

  /** Stores a 32-bit cell; the value is taken modulo 2^32. @point obj=0 kind=store */
  st32(address: number, value: number, _site?: Site): void {
    this.i32[address >> 2] = value;
  }

  /** Loads a 32-bit cell that is polled without a lock. @point obj=0 kind=atomic */
  atomicLoad(address: number, _site?: Site): number {
    return Atomics.load(this.i32, address >> 2);
  }

  /** Stores a 32-bit cell that is polled without a lock. @point obj=0 kind=atomic */
  atomicStore(address: number, value: number, _site?: Site): void {
    Atomics.store(this.i32, address >> 2, value);
  }

  /** Adds to a 32-bit cell; returns the value before. @point obj=0 kind=atomic */
  atomicAdd(address: number, delta: number, _site?: Site): number {
    return Atomics.add(this.i32, address >> 2, delta);
  }

  /** Stores `replacement` if the cell holds `expected`; returns the value before. @point obj=0 kind=atomic */
  atomicCompareExchange(address: number, expected: number, replacement: number, _site?: Site): number {
    return Atomics.compareExchange(this.i32, address >> 2, expected, replacement);
  }

  /** Stores and returns the value before. @point obj=0 kind=atomic */
  atomicExchange(address: number, value: number, _site?: Site): number {
    return Atomics.exchange(this.i32, address >> 2, value);
  }

  /** Sets bits of a 32-bit cell; returns the value before. @point obj=0 kind=atomic */
  atomicOr(address: number, bits: number, _site?: Site): number {
    return Atomics.or(this.i32, address >> 2, bits);
  }

  /** Keeps only some bits of a 32-bit cell; returns the value before. @point obj=0 kind=atomic */
  atomicAnd(address: number, bits: number, _site?: Site): number {
    return Atomics.and(this.i32, address >> 2, bits);
  }

  /** Announces a chunk of bytes, or of a long scan, that is then accessed directly. @point obj=0 kind=bytes */
  announce(_address: number, _site?: Site): void {}

  /** Announces that the task is about to wait for something, if it has to. @point obj=0 kind=wait */
  announceWait(_address: number, _site?: Site): void {}

  /** Copies one page; both addresses are page aligned and the pages do not overlap. @point obj=0 kind=bytes */
  copyPage(to: number, from: number, _site?: Site): void {
    this.bytes.copyPage(to, from);
  }

  /** Fills one page with zeros. @point obj=0 kind=bytes */
  clearPage(page: number, _site?: Site): void {
    this.bytes.clearPage(page);
  }

  /** Whether all bytes of a page are zero. @point obj=0 kind=bytes */
  isZeroPage(page: number, _site?: Site): boolean {
    return this.bytes.isZeroPage(page);
  }

  /** Whether two pages hold the same bytes. @point obj=0 kind=bytes */
  isSamePage(page: number, other: number, _site?: Site): boolean {
    return this.bytes.isSamePage(page, other);
  }

  /** Copies bytes inside pages; the two ranges may overlap. @point obj=0 kind=bytes */
  copyBytes(to: number, from: number, bytes: number, _site?: Site): void {
    this.bytes.copyBytes(to, from, bytes);
  }
}

/** The same accessors for a thread with a hook: it is told of each operation before it happens. */
export class AnnouncingCells extends Cells {
  override readonly hook: PointHook;

  /**
   * @param arena - this thread's views
   * @param hook - see {@link PointHook}
   * @param bytes - as for {@link Cells}
   */
  constructor(arena: Arena, hook: PointHook, bytes?: PageBytes) {
    super(arena, bytes);
    this.hook = hook;
  }

  /** See {@link Cells.ld8}. @point obj=0 kind=load */
  override ld8(address: number, site: Site = NOSITE): number {
    this.hook(POINT_LOAD, address, site);
    return super.ld8(address, site);
  }

  /** See {@link Cells.st8}. @point obj=0 kind=store */
  override st8(address: number, value: number, site: Site = NOSITE): void {
    this.hook(POINT_STORE, address, site);
    super.st8(address, value, site);
  }

  /** See {@link Cells.ld16}. @point obj=0 kind=load */
  override ld16(address: number, site: Site = NOSITE): number {
    this.hook(POINT_LOAD, address, site);
    return super.ld16(address, site);
  }

  /** See {@link Cells.st16}. @point obj=0 kind=store */
  override st16(address: number, value: number, site: Site = NOSITE): void {
    this.hook(POINT_STORE, address, site);
    super.st16(address, value, site);
  }

  /** See {@link Cells.ld32}. @point obj=0 kind=load */
  override ld32(address: number, site: Site = NOSITE): number {
    this.hook(POINT_LOAD, address, site);
    return super.ld32(address, site);
  }

  /** See {@link Cells.ldu32}. @point obj=0 kind=load */
  override ldu32(address: number, site: Site = NOSITE): number {
    this.hook(POINT_LOAD, address, site);
    return super.ldu32(address, site);
  }

  /** See {@link Cells.st32}. @point obj=0 kind=store */
  override st32(address: number, value: number, site: Site = NOSITE): void {
    this.hook(POINT_STORE, address, site);
    super.st32(address, value, site);
  }

  /** See {@link Cells.atomicLoad}. @point obj=0 kind=atomic */
  override atomicLoad(address: number, site: Site = NOSITE): number {
    this.hook(POINT_ATOMIC, address, site);
    return super.atomicLoad(address, site);
  }

  /** See {@link Cells.atomicStore}. @point obj=0 kind=atomic */
  override atomicStore(address: number, value: number, site: Site = NOSITE): void {
    this.hook(POINT_ATOMIC, address, site);
    super.atomicStore(address, value, site);
  }

  /** See {@link Cells.atomicAdd}. @point obj=0 kind=atomic */
  override atomicAdd(address: number, delta: number, site: Site = NOSITE): number {
    this.hook(POINT_ATOMIC, address, site);
    return super.atomicAdd(address, delta, site);
  }

  /** See {@link Cells.atomicCompareExchange}. @point obj=0 kind=atomic */
  override atomicCompareExchange(
    address: number,
    expected: number,
    replacement: number,
    site: Site = NOSITE,
  ): number {
    this.hook(POINT_ATOMIC, address, site);
    return super.atomicCompareExchange(address, expected, replacement, site);
  }

  /** See {@link Cells.atomicExchange}. @point obj=0 kind=atomic */
  override atomicExchange(address: number, value: number, site: Site = NOSITE): number {
    this.hook(POINT_ATOMIC, address, site);
    return super.atomicExchange(address, value, site);
  }

  /** See {@link Cells.atomicOr}. @point obj=0 kind=atomic */
  override atomicOr(address: number, bits: number, site: Site = NOSITE): number {
    this.hook(POINT_ATOMIC, address, site);
    return super.atomicOr(address, bits, site);
  }

  /** See {@link Cells.atomicAnd}. @point obj=0 kind=atomic */
  override atomicAnd(address: number, bits: number, site: Site = NOSITE): number {
    this.hook(POINT_ATOMIC, address, site);
    return super.atomicAnd(address, bits, site);
  }

  /** See {@link Cells.announce}. @point obj=0 kind=bytes */
  override announce(address: number, site: Site = NOSITE): void {
    this.hook(POINT_BYTES, address, site);
  }

  /** See {@link Cells.announceWait}. @point obj=0 kind=wait */
  override announceWait(address: number, site: Site = NOSITE): void {
    this.hook(POINT_WAIT, address, site);
  }

  /** See {@link Cells.copyPage}. @point obj=0 kind=bytes */
  override copyPage(to: number, from: number, site: Site = NOSITE): void {
    this.hook(POINT_BYTES, to, site);
    super.copyPage(to, from, site);
  }

  /** See {@link Cells.clearPage}. @point obj=0 kind=bytes */
  override clearPage(page: number, site: Site = NOSITE): void {
    this.hook(POINT_BYTES, page, site);
    super.clearPage(page, site);
  }

  /** See {@link Cells.isZeroPage}. @point obj=0 kind=bytes */
  override isZeroPage(page: number, site: Site = NOSITE): boolean {
    this.hook(POINT_BYTES, page, site);
    return super.isZeroPage(page, site);
  }

  /** See {@link Cells.isSamePage}. @point obj=0 kind=bytes */
  override isSamePage(page: number, other: number, site: Site = NOSITE): boolean {
    this.hook(POINT_BYTES, page, site);
    return super.isSamePage(page, other, site);
  }

  /** See {@link Cells.copyBytes}. @point obj=0 kind=bytes */
  override copyBytes(to: number, from: number, bytes: number, site: Site = NOSITE): void {
    this.hook(POINT_BYTES, to, site);
    super.copyBytes(to, from, bytes, site);
  }
}

/**
 * Makes the accessors of a thread.
 * @param arena - this thread's views
 * @param hook - see {@link PointHook}; null in the free way
 * @param bytes - the thread's operations on page bytes; by default those in TypeScript
 */
export function createCells(arena: Arena, hook: PointHook | null, bytes?: PageBytes): Cells {
  return hook === null ? new Cells(arena, bytes) : new AnnouncingCells(arena, hook, bytes);
}

/**
 * Number of pages that hold a number of bytes.
 * @param bytes - size in bytes
 */
export function pagesFor(bytes: number): number {
  return (bytes + PAGE_SIZE - 1) >>> PAGE_SHIFT;
}
