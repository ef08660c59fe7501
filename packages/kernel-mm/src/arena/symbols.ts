/**
 * The symbol table of a machine: how a function pointer crosses threads.
 *
 * A closure cannot lie in shared memory. So a function is *defined by name*: the table in the arena gives the name a number, shared
 * structures store the number, and each thread calls its own copy of the function.
 *
 * Promise: a number means the same name in every thread for the whole life of the machine; entries are never removed. Threads that attach
 * define the boot symbols in the same order as the creator did, and a difference is reported before any kernel code runs. Calling a number
 * this thread has no function for is an error that names the symbol.
 *
 * No lock: an entry is claimed by compare-and-exchange on its state cell and published by a store to it. A thread that ends between the two
 * leaves an entry that nobody can read; whoever meets it waits for a bounded time and then says so.
 */
import { MisuseError } from '../errno.js';
import { hashText, type Layout, type Region } from './layout.js';
import type { Arena } from './memory.js';
import { struct } from './struct.js';

/** Number of a defined function; 0 is the null pointer. */
export type SymbolId = number;

/** The null function pointer. */
export const NULL_SYMBOL: SymbolId = 0;

/** Most symbols a machine can define. */
export const SYMBOLS_MAX = 256;

/** Longest symbol name in bytes. */
export const SYMBOL_NAME_BYTES_MAX = 47;

const SYMBOL = struct(
  'kallsyms_entry',
  { state: 'i32', hash: 'i32', kind: 'i32', nameBytes: 'i32', name: ['bytes', 48] },
  64,
);

/**
 * Looks at an entry that is being published before it counts as abandoned: some tenths of a second, since the other thread may have to wait
 * for a processor between two of its stores.
 */
const PUBLISH_ROUNDS = 50_000_000;

const FREE = 0;
const CLAIMED = 1;
const PUBLISHED = 2;

/**
 * Reserves the table.
 * @param layout - not yet sealed
 */
export function layoutSymbols(layout: Layout): Region {
  return layout.structs('cold', 'kallsyms', SYMBOL, SYMBOLS_MAX);
}

/** One thread's view of the names; the functions are in {@link FunctionTable}s. */
export class Symbols {
  private readonly arena: Arena;
  private readonly base: number;
  /** Symbols the machine was booted with, while this thread defines its copies of them; 0 otherwise. */
  private bootExpected = 0;
  private bootSeen = 0;

  /**
   * @param arena - this thread's views
   * @param region - from {@link layoutSymbols}
   */
  constructor(arena: Arena, region: Region) {
    this.arena = arena;
    this.base = region.base;
  }

  /**
   * Gives a name its number, or finds the number it has.
   * @param kind - what is defined, `'swap_free_notify'`; the same name may not be defined as two kinds
   * @param name - 1 to 47 ASCII characters
   * @returns the number, the same in every thread
   * @throws {@link MisuseError} `ERR_INVALID_ARGUMENT` for a bad name, `ERR_SYMBOL_MISMATCH` when the name is of another kind, `ERR_OUT_OF_RANGE` when
   * the table is full, `ERR_MACHINE_STOPPED` when a thread ended while it defined a symbol
   */
  intern(kind: string, name: string): SymbolId {
    if (!/^[\x21-\x7e]{1,47}$/.test(name)) {
      throw new MisuseError(
        'ERR_INVALID_ARGUMENT',
        `A symbol name has 1 to ${SYMBOL_NAME_BYTES_MAX} printable ASCII characters, but this is '${name}'.`,
      );
    }
    const nameHash = hashText(name) | 0;
    const kindHash = hashText(kind) | 0;
    if (this.bootExpected > 0) this.requireBootSymbol(kindHash, kind, name);
    for (let index = 0; index < SYMBOLS_MAX; index++) {
      const entry = this.base + index * SYMBOL.$bytes;
      if (this.claim(entry)) {
        this.publish(entry, nameHash, kindHash, name);
        return index + 1;
      }
      if (this.word(entry + SYMBOL.hash) !== nameHash || this.nameAt(entry) !== name) continue;
      if (this.word(entry + SYMBOL.kind) !== kindHash) {
        throw new MisuseError(
          'ERR_SYMBOL_MISMATCH',
          `The symbol '${name}' is already defined, but not as a ${kind} function.`,
        );
      }
      return index + 1;
    }
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `Cannot define '${name}': a machine has at most ${SYMBOLS_MAX} symbols.`,
    );
  }

  /**
   * From here to {@link endBoot} every symbol must be the next one the machine was booted with.
   * @param expected - their number; 0 in the thread that boots the machine
   */
  beginBoot(expected: number): void {
    this.bootExpected = expected;
    this.bootSeen = 0;
  }

  /**
   * All symbols the machine was booted with must have been defined by now.
   * @throws {@link MisuseError} `ERR_SYMBOL_MISMATCH` naming the first that is missing
   */
  endBoot(): void {
    const missing = this.bootSeen < this.bootExpected ? this.nameOf(this.bootSeen + 1) : null;
    this.bootExpected = 0;
    if (missing === null) return;
    throw new MisuseError(
      'ERR_SYMBOL_MISMATCH',
      `The machine was created with the function '${missing}', which this thread does not have: both must run the same version of all packages.`,
    );
  }

  /**
   * The name of a number, for reports.
   * @param id - a number from {@link intern}, or any other
   */
  nameOf(id: SymbolId): string {
    if (id === NULL_SYMBOL) return 'null';
    if (!Number.isInteger(id) || id < 1 || id > SYMBOLS_MAX) return `symbol ${id}`;
    const entry = this.base + (id - 1) * SYMBOL.$bytes;
    return Atomics.load(this.arena.i32, (entry + SYMBOL.state) >> 2) === PUBLISHED
      ? this.nameAt(entry)
      : `symbol ${id}`;
  }

  /** Number of published symbols. */
  count(): number {
    let count = 0;
    for (let index = 0; index < SYMBOLS_MAX; index++) {
      const entry = this.base + index * SYMBOL.$bytes;
      if (Atomics.load(this.arena.i32, (entry + SYMBOL.state) >> 2) !== PUBLISHED) break;
      count++;
    }
    return count;
  }

  private requireBootSymbol(kindHash: number, kind: string, name: string): void {
    this.bootSeen++;
    const entry = this.base + (this.bootSeen - 1) * SYMBOL.$bytes;
    const known = this.bootSeen <= this.bootExpected && this.nameAt(entry) === name;
    if (known && this.word(entry + SYMBOL.kind) === kindHash) return;
    throw new MisuseError(
      'ERR_SYMBOL_MISMATCH',
      `This thread defines the ${kind} function '${name}' where the machine was created with '${this.nameOf(this.bootSeen)}': ` +
        'both must run the same version of all packages.',
    );
  }

  /** Claims a free entry. When another thread is just publishing it, waits until its name can be read: a handful of stores. */
  private claim(entry: number): boolean {
    const cell = (entry + SYMBOL.state) >> 2;
    if (Atomics.compareExchange(this.arena.i32, cell, FREE, CLAIMED) === FREE) return true;
    for (let round = PUBLISH_ROUNDS; round > 0; round--) {
      if (Atomics.load(this.arena.i32, cell) === PUBLISHED) return false;
    }
    const id = (entry - this.base) / SYMBOL.$bytes + 1;
    throw new MisuseError(
      'ERR_MACHINE_STOPPED',
      `The symbol table cannot be used any more: a thread ended while it defined symbol ${id}.`,
    );
  }

  private publish(entry: number, nameHash: number, kindHash: number, name: string): void {
    const { i32, u8 } = this.arena;
    i32[(entry + SYMBOL.hash) >> 2] = nameHash;
    i32[(entry + SYMBOL.kind) >> 2] = kindHash;
    i32[(entry + SYMBOL.nameBytes) >> 2] = name.length;
    for (let index = 0; index < name.length; index++)
      u8[entry + SYMBOL.name + index] = name.charCodeAt(index);
    Atomics.store(i32, (entry + SYMBOL.state) >> 2, PUBLISHED);
  }

  private nameAt(entry: number): string {
    const bytes = this.word(entry + SYMBOL.nameBytes);
    let name = '';
    for (let index = 0; index < bytes; index++)
      name += String.fromCharCode(this.arena.u8[entry + SYMBOL.name + index] ?? 0);
    return name;
  }

  private word(address: number): number {
    return this.arena.i32[address >> 2] ?? 0;
  }
}

/** This thread's functions of one kind, by number. */
export class FunctionTable<F> {
  private readonly functions: (F | undefined)[] = [];
  private readonly symbols: Symbols;
  private readonly kind: string;

  /**
   * @param symbols - the machine's names
   * @param kind - what the functions are, `'notifier_call'`
   */
  constructor(symbols: Symbols, kind: string) {
    this.symbols = symbols;
    this.kind = kind;
  }

  /**
   * Defines a function in this thread.
   * @param name - its name in every thread
   * @param fn - this thread's copy
   * @returns the number shared memory stores
   */
  define(name: string, fn: F): SymbolId {
    const id = this.symbols.intern(this.kind, name);
    this.functions[id] = fn;
    return id;
  }

  /**
   * The function behind a number.
   * @param id - from shared memory, not null
   * @throws {@link MisuseError} `ERR_UNKNOWN_SYMBOL` when this thread has not defined it; the text names it
   */
  resolve(id: SymbolId): F {
    const fn = this.functions[id];
    if (fn === undefined) {
      throw new MisuseError(
        'ERR_UNKNOWN_SYMBOL',
        `This thread has no ${this.kind} function '${this.symbols.nameOf(id)}': define it here too, under the same name.`,
      );
    }
    return fn;
  }

  /**
   * Whether this thread can call a number.
   * @param id - any number
   */
  has(id: SymbolId): boolean {
    return this.functions[id] !== undefined;
  }
}
