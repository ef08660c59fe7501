/**
 * What the threads of the concurrency tests do: they hand references to slots to each other. Each function runs in a thread of its own.
 */
import { EEXIST, ENOMEM } from '#src/errno.js';
import { swpType, type SwapEntry } from '#src/swap/entries.js';
import type { TestCoreHandle } from '../support/core.js';
import { attachSwapMachine, type SwapMachine } from './machine.js';

/** What a trading thread is told. */
export interface TradeInput {
  readonly handle: TestCoreHandle;
  readonly slotSummary: boolean;
  readonly seed: number;
  readonly rounds: number;
  /** Slots of which this thread may hold references at one time. */
  readonly holds: number;
  /** Areas that are there all the time; their types are the lowest. */
  readonly areas: number;
  /** Uint32: entries, each with one reference that belongs to whoever takes it off the board; 0 for none. */
  readonly board: SharedArrayBuffer;
}

/** What it did. */
export interface TradeResult {
  readonly taken: number;
  /** References got from other threads, or put on the board before. */
  readonly traded: number;
  /** References that there was no page for. */
  readonly refused: number;
  /** Times the callback was called in this thread. */
  readonly notified: number;
  /** Answers that a holder of a reference must not get. */
  readonly clashes: number;
}

/** A thread that holds references. */
class Trader {
  readonly result = { taken: 0, traded: 0, refused: 0, notified: 0, clashes: 0 };
  private readonly machine: SwapMachine;
  private readonly board: Uint32Array;
  private readonly holds: number;
  private readonly areas: number;
  /** References of this thread. */
  private readonly held = new Map<SwapEntry, number>();
  private random: number;

  constructor(input: TradeInput) {
    this.machine = attachSwapMachine(
      input.handle,
      { name: `trader ${input.seed}` },
      undefined,
      input.slotSummary,
    );
    this.board = new Uint32Array(input.board);
    this.holds = input.holds;
    this.areas = input.areas;
    this.random = Math.imul(input.seed + 1, 0x9e37_79b9);
    this.machine.swap.freeNotify.functions.define('traded', () => this.result.notified++);
  }

  round(): void {
    const choice = this.next() % 8;
    if (choice < 2) this.take();
    else if (choice === 2) this.trade();
    else if (choice === 3) this.share(1 + (this.next() % 70));
    else if (choice === 4) this.cache();
    else this.drop(1 + (this.next() % 70));
  }

  /** Drops all references. */
  end(): void {
    for (const entry of this.held.keys()) this.dropSome(entry, this.held.get(entry)!);
  }

  /** A new slot, as a page that was swapped out and has left the swap cache. */
  private take(): void {
    const { allocator, counts } = this.machine.swap;
    if (this.held.size >= this.holds) return;
    const entry = allocator.getSwapPage();
    if (entry === 0) return;
    this.result.taken++;
    if (this.held.has(entry)) this.result.clashes++;
    if (counts.swapDuplicate(entry) !== 0) this.result.clashes++;
    counts.swapcacheFree(entry);
    this.add(entry, 1);
  }

  /** Puts a reference on the board and takes the one that was there. */
  private trade(): void {
    const entry = this.pick();
    // What is on the board stays there: only slots of areas that do, too.
    const given = this.next() % 4 === 0 || swpType(entry) >= this.areas ? 0 : entry;
    if (given !== 0) this.add(given, -1);
    const got = Atomics.exchange(this.board, this.next() % this.board.length, given);
    if (got === 0) return;
    this.result.traded++;
    this.add(got, 1);
  }

  private share(users: number): void {
    const entry = this.pick();
    if (entry === 0) return;
    for (let user = 0; user < users; user++) {
      // The raw call tells whether the slot is there; the other one makes room.
      const error = this.machine.swap.counts.__swapDuplicate(entry, 1);
      if (error === -ENOMEM && this.machine.swap.counts.swapDuplicate(entry) !== 0) {
        this.result.refused++;
        return;
      }
      if (error !== 0 && error !== -ENOMEM) this.result.clashes++;
      this.add(entry, 1);
    }
  }

  private drop(users: number): void {
    const entry = this.pick();
    if (entry !== 0) this.dropSome(entry, Math.min(users, this.held.get(entry)!));
  }

  /** Brings a slot into the swap cache for a moment. */
  private cache(): void {
    const entry = this.pick();
    if (entry === 0) return;
    const error = this.machine.swap.counts.swapcachePrepare(entry);
    if (error === 0) this.machine.swap.counts.swapcacheFree(entry);
    else if (error !== -EEXIST) this.result.clashes++;
  }

  private dropSome(entry: SwapEntry, users: number): void {
    for (let user = 0; user < users; user++) this.machine.swap.counts.swapFree(entry);
    this.add(entry, -users);
  }

  private add(entry: SwapEntry, users: number): void {
    const after = (this.held.get(entry) ?? 0) + users;
    if (after === 0) this.held.delete(entry);
    else this.held.set(entry, after);
  }

  private pick(): SwapEntry {
    if (this.held.size === 0) return 0;
    const entries = [...this.held.keys()];
    return entries[this.next() % entries.length]!;
  }

  private next(): number {
    this.random = (Math.imul(this.random, 1_664_525) + 1_013_904_223) | 0;
    return this.random >>> 12;
  }
}

/** Takes slots, counts references up and down over several digits, and trades them with the other threads. */
export function trade(input: TradeInput): TradeResult {
  const trader = new Trader(input);
  for (let round = 0; round < input.rounds; round++) trader.round();
  trader.end();
  return trader.result;
}

/** What the thread that switches areas on and off is told. */
export interface SwitchInput {
  readonly handle: TestCoreHandle;
  readonly slotSummary: boolean;
  readonly rounds: number;
}

/** Switches an area on, and off again when nobody holds a slot of it. @returns times it went off, and times it was refused */
export function switchAreas(input: SwitchInput): readonly [off: number, refused: number] {
  const machine = attachSwapMachine(input.handle, { name: 'switcher' }, undefined, input.slotSummary);
  const { on, off, freeNotify } = machine.swap;
  const symbol = freeNotify.functions.define('traded', () => undefined);
  machine.useCache({
    vmEnoughMemory: () => true,
    tryToUnuse: (type) => (machine.field(type, 'inusePages') === 0 ? 0 : -ENOMEM),
  });
  let [gone, refused] = [0, 0];
  for (let round = 0; round < input.rounds; round++) {
    const type = on.swaponWithoutHeader({
      lastPage: 20 + (round % 300),
      prio: round % 3 === 0 ? null : 9,
      nonrot: round % 2 === 0,
      random32: round,
      badpages: [7],
    });
    if (type < 0) throw new Error(`swapon: ${type}`);
    // Slots taken before this are freed without a call, which the counters of the area tell.
    freeNotify.setSwapFreeNotify(type, symbol);
    while (off.swapoffType(type) !== 0) refused++;
    gone++;
  }
  return [gone, refused];
}
