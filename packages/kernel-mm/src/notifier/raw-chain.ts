/**
 * Raw notifier chain: the list and its rules, without any protection.
 *
 * Callers keep registration and calls apart by a lock of their own. @kernel kernel/notifier.c raw_notifier_*, 2.6.34
 *
 * Blocks are called in order of priority, the highest first, and in order of registration among equals. `next` is read before a callback
 * runs, so a callback may unregister its own block where the caller's lock allows it.
 *
 * In the original, registering a block twice goes unnoticed and destroys the chain: blocks are lost, or the chain becomes a ring. Here it is
 * refused with -EEXIST, also when the block is on another chain. `insert` is the original step, which asks nothing. Every walk is bounded
 * by the number of blocks there are, so that a ring ends in a report.
 */
import { EEXIST, ENOENT } from '../errno.js';
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import { NOT_TRACED } from '../trace/trace.js';
import { NOTIFIER_BLOCK, NOTIFIER_BLOCKS_MAX, type NotifierBlocks } from './blocks.js';
import { NOTIFY_DONE, NOTIFY_STOP_MASK } from './constants.js';

/** Head of a chain. @kernel struct raw_notifier_head, 2.6.34 */
export const NOTIFIER_HEAD = struct('raw_notifier_head', { head: 'i32' }, 64);

/**
 * Reserves the heads of raw chains.
 * @param layout - not yet sealed
 * @param name - for reports, unique
 * @param count - number of chains
 */
export function layoutRawChains(layout: Layout, name: string, count = 1): Region {
  return layout.structs('hot', name, NOTIFIER_HEAD, count);
}

/** A chain as one thread sees it. */
export class RawNotifierChain {
  /** Byte address of the head. */
  readonly address: number;
  private readonly core: Core;
  private readonly cells: Cells;
  private readonly blocks: NotifierBlocks;

  /**
   * @param core - the running thread
   * @param blocks - the pool the blocks come from
   * @param address - of the head, from {@link layoutRawChains}
   */
  constructor(core: Core, blocks: NotifierBlocks, address: number) {
    this.core = core;
    this.cells = core.cells;
    this.blocks = blocks;
    this.address = address;
  }

  /** Whether no block is registered. May be asked without protection; the answer is then true only for the moment. */
  isEmpty(): boolean {
    return this.cells.atomicLoad(this.address) === 0;
  }

  /**
   * Puts a block on the chain. The caller keeps all others away from the chain.
   * @param block - from `NotifierBlocks.create`
   * @returns 0, or -EEXIST when it is on this chain or another one
   * @kernel kernel/notifier.c raw_notifier_chain_register, 2.6.34, made safe
   */
  register(block: number): number {
    this.blocks.assertBlock(block, 'register');
    if (this.cells.atomicCompareExchange(block + NOTIFIER_BLOCK.chain, 0, this.address) !== 0) return -EEXIST;
    return this.insert(block);
  }

  /**
   * Links a block in behind all blocks of the same or a higher priority, without asking whether it is on a chain.
   * @param block - from `NotifierBlocks.create`
   * @returns 0
   * @kernel kernel/notifier.c notifier_chain_register, 2.6.34
   */
  insert(block: number): number {
    const { cells } = this;
    const priority = cells.ld32(block + NOTIFIER_BLOCK.priority);
    let link = this.address;
    let next = cells.ld32(link);
    for (let walked = 0; next !== 0; walked++) {
      if (priority > cells.ld32(next + NOTIFIER_BLOCK.priority)) break;
      this.assertNoRing(walked);
      link = next + NOTIFIER_BLOCK.next;
      next = cells.ld32(link);
    }
    cells.st32(block + NOTIFIER_BLOCK.next, next);
    cells.st32(block + NOTIFIER_BLOCK.chain, this.address);
    // Published last, and atomically: a blocking chain looks at its head without a lock.
    cells.atomicStore(link, block);
    return 0;
  }

  /**
   * Whether a block is met on the way to the place it would get. The caller keeps registration away.
   * @param block - from `NotifierBlocks.create`
   * @kernel kernel/notifier.c notifier_chain_cond_register, 2.6.34 (its look-up)
   */
  isRegistered(block: number): boolean {
    const { cells } = this;
    const priority = cells.ld32(block + NOTIFIER_BLOCK.priority);
    let next = cells.ld32(this.address);
    for (let walked = 0; next !== 0; walked++) {
      if (next === block) return true;
      if (priority > cells.ld32(next + NOTIFIER_BLOCK.priority)) return false;
      this.assertNoRing(walked);
      next = cells.ld32(next + NOTIFIER_BLOCK.next);
    }
    return false;
  }

  /**
   * Takes a block off the chain. The caller keeps all others away from the chain.
   * @param block - registered here
   * @returns 0, or -ENOENT when it is not on this chain
   * @kernel kernel/notifier.c raw_notifier_chain_unregister, 2.6.34
   */
  unregister(block: number): number {
    const error = this.unlink(block);
    // Last: from here on the block may go onto another chain, under another lock.
    if (error === 0) this.release(block);
    return error;
  }

  /**
   * Links a block out, but lets nobody else have it yet: it keeps its own link for those who stand on it. The caller keeps other
   * registrations away from the chain; calls may be under way.
   * @param block - registered here
   * @returns 0, or -ENOENT when it is not on this chain
   * @kernel kernel/notifier.c notifier_chain_unregister, 2.6.34
   */
  unlink(block: number): number {
    this.blocks.assertBlock(block, 'unregister');
    const { cells } = this;
    let link = this.address;
    let next = cells.ld32(link);
    for (let walked = 0; next !== 0; walked++) {
      if (next === block) {
        cells.atomicStore(link, cells.ld32(block + NOTIFIER_BLOCK.next));
        return 0;
      }
      this.assertNoRing(walked);
      link = next + NOTIFIER_BLOCK.next;
      next = cells.ld32(link);
    }
    return -ENOENT;
  }

  /**
   * Lets a block go that was linked out; it may be registered again or destroyed.
   * @param block - from {@link unlink}
   */
  release(block: number): void {
    this.cells.atomicCompareExchange(block + NOTIFIER_BLOCK.chain, this.address, 0);
  }

  /** The first block, 0 for none. The caller keeps all others away from the chain, or takes it for true only for the moment. */
  first(): number {
    return this.cells.atomicLoad(this.address);
  }

  /**
   * Calls the blocks in order, until one answers with all bits of `NOTIFY_STOP_MASK` (a raw negative errno has them too). The caller keeps
   * registration away.
   * @param action - given to the callbacks
   * @param data - given to the callbacks
   * @param limit - most callbacks to call, -1 for all
   * @param callsAt - address of an i32 cell that each callback called is added to, 0 for none
   * @returns the last answer, `NOTIFY_DONE` when nobody was called
   * @kernel kernel/notifier.c notifier_call_chain, 2.6.34
   */
  call(action: number, data: number, limit = -1, callsAt = 0): number {
    const { cells } = this;
    const { trace } = this.blocks;
    let answer = NOTIFY_DONE;
    let block = cells.ld32(this.address);
    for (let called = 0; block !== 0 && called !== limit; called++) {
      this.assertNoRing(called);
      const next = cells.ld32(block + NOTIFIER_BLOCK.next);
      const callback = this.blocks.calls.resolve(cells.ld32(block + NOTIFIER_BLOCK.call));
      const since = trace === null ? NOT_TRACED : trace.beginNotifierCall();
      answer = callback(block, action, data);
      if (since !== NOT_TRACED && trace !== null)
        trace.notifierCall(since, this.address, block, action, answer);
      if (callsAt !== 0) cells.st32(callsAt, cells.ld32(callsAt) + 1);
      if ((answer & NOTIFY_STOP_MASK) === NOTIFY_STOP_MASK) break;
      block = next;
    }
    return answer;
  }

  /**
   * Stops the machine when more blocks were passed than there can be.
   * @param passed - number of blocks a walk has seen
   */
  assertNoRing(passed: number): void {
    if (passed < NOTIFIER_BLOCKS_MAX) return;
    const name = this.core.context.layout.describe(this.address);
    this.core.context.bug(
      `The notifier chain ${name} has no end after ${passed} blocks: a block was registered twice.`,
    );
  }
}
