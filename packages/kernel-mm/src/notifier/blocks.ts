/**
 * Notifier blocks: who wants to be told.
 *
 * A block is named by its byte address and comes from a pool in the arena, since in C it is a static variable of the module that registers
 * it. It says which function to call, and it is a link of the chain it is registered on.
 *
 * Promise: a block is on one chain at most, and knows on which. `inUse` and `chain` are claimed by compare-and-exchange; `next` belongs to
 * whatever protects the chain; `call` and `priority` do not change after creation.
 */
import { EBUSY } from '../errno.js';
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import { FunctionTable, type SymbolId } from '../arena/symbols.js';
import type { Core } from '../sync/core.js';
import type { Trace } from '../trace/trace.js';
import { notifierFromErrnoOrOk } from './constants.js';

/** Most notifier blocks of a machine at one time. */
export const NOTIFIER_BLOCKS_MAX = 64;

/** Link of a chain. @kernel struct notifier_block, 2.6.34 */
export const NOTIFIER_BLOCK = struct(
  'notifier_block',
  {
    inUse: 'i32',
    /** Number of the function, kind `notifier_call`. */
    call: 'i32',
    next: 'i32',
    priority: 'i32',
    /** Address of the head of the chain the block is on, 0 for none. Not in the original, which cannot tell. */
    chain: 'i32',
  },
  32,
);

/**
 * A callback of a chain.
 * @param block - address of the block it was called through
 * @param action - what happened, as the chain defines it
 * @param data - more about it, as the chain defines it
 * @returns a `NOTIFY_` value
 */
export type NotifierCall = (block: number, action: number, data: number) => number;

/**
 * Reserves the pool of blocks.
 * @param layout - not yet sealed
 */
export function layoutNotifierBlocks(layout: Layout): Region {
  return layout.structs('hot', 'notifier_blocks', NOTIFIER_BLOCK, NOTIFIER_BLOCKS_MAX);
}

/** The pool of blocks, and this thread's callbacks. */
export class NotifierBlocks {
  /** Callbacks by name; a block holds the number. */
  readonly calls: FunctionTable<NotifierCall>;
  /** Where calls are told, or null where nobody wants to know. */
  readonly trace: Trace | null;
  private readonly core: Core;
  private readonly base: number;

  /**
   * @param core - the running thread
   * @param region - from {@link layoutNotifierBlocks}
   * @param trace - where calls are told; nowhere when left out
   */
  constructor(core: Core, region: Region, trace: Trace | null = null) {
    this.core = core;
    this.trace = trace;
    this.base = region.base;
    this.calls = new FunctionTable<NotifierCall>(core.symbols, 'notifier_call');
  }

  /**
   * Makes a block that is on no chain yet.
   * @param call - from `calls.define`
   * @param priority - blocks of higher priority are called first
   * @returns address of the block, 0 when all {@link NOTIFIER_BLOCKS_MAX} are in use
   */
  create(call: SymbolId, priority = 0): number {
    const { cells } = this.core;
    for (let index = 0; index < NOTIFIER_BLOCKS_MAX; index++) {
      const block = this.base + index * NOTIFIER_BLOCK.$bytes;
      if (cells.atomicCompareExchange(block + NOTIFIER_BLOCK.inUse, 0, 1) !== 0) continue;
      cells.st32(block + NOTIFIER_BLOCK.call, call);
      cells.st32(block + NOTIFIER_BLOCK.next, 0);
      cells.st32(block + NOTIFIER_BLOCK.priority, priority);
      return block;
    }
    return 0;
  }

  /**
   * Gives a block back.
   * @param block - from {@link create}
   * @returns 0, or -EBUSY while it is on a chain
   */
  destroy(block: number): number {
    this.assertBlock(block, 'destroy');
    const { cells } = this.core;
    if (cells.atomicLoad(block + NOTIFIER_BLOCK.chain) !== 0) return -EBUSY;
    cells.atomicStore(block + NOTIFIER_BLOCK.inUse, 0);
    return 0;
  }

  /**
   * What a callback of this thread answers for an errno: success lets the call go on, as it has since 2.6.35.
   * @param errno - 0 or a negative errno
   * @returns `NOTIFY_OK` for 0, else an answer that ends the call
   * @kernel include/linux/notifier.h notifier_from_errno, 2.6.34, made safe
   */
  notifierFromErrno(errno: number): number {
    return notifierFromErrnoOrOk(errno);
  }

  /**
   * Stops the machine unless an address names a block that is in use.
   * @param block - address
   * @param who - the function that was given it
   */
  assertBlock(block: number, who: string): void {
    const { cells, context } = this.core;
    const offset = block - this.base;
    const isPlace =
      offset >= 0 &&
      offset < NOTIFIER_BLOCKS_MAX * NOTIFIER_BLOCK.$bytes &&
      offset % NOTIFIER_BLOCK.$bytes === 0;
    if (!isPlace || cells.atomicLoad(block + NOTIFIER_BLOCK.inUse) === 0) {
      context.bug(`${who} was given ${context.layout.describe(block)}, which is no notifier block in use.`);
    }
  }
}
