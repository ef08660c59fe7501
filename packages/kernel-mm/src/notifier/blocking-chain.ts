/**
 * Blocking notifier chain: callbacks may sleep.
 *
 * A reader/writer semaphore protects the chain: registration writes, calls read. A call looks at the head first and takes the semaphore only
 * when there is somebody to call. All functions may sleep, so callers hold no spinlock. @kernel kernel/notifier.c
 * blocking_notifier_*, 2.6.34 (whose exception for the time of booting is left out: our machines boot with locks)
 *
 * A callback must not register, unregister or call on its own chain: it would wait for itself, and is reported instead.
 */
import type { Layout, Region } from '../arena/layout.js';
import type { Core } from '../sync/core.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutRwSemaphores, RwSemaphore } from '../sync/rwsem.js';
import type { NotifierBlocks } from './blocks.js';
import { NOTIFY_DONE } from './constants.js';
import { layoutRawChains, RawNotifierChain } from './raw-chain.js';

/** Where a blocking chain lies. @kernel struct blocking_notifier_head */
export interface BlockingChainPlace {
  readonly head: Region;
  readonly rwsem: Region;
  readonly lockClass: LockClass;
}

/**
 * Reserves a chain and defines the class of its semaphore, `NAME_rwsem`.
 * @param layout - not yet sealed
 * @param classes - the machine's lock classes
 * @param name - for reports, unique: `swapon_notify_list`
 */
export function layoutBlockingChain(layout: Layout, classes: LockClasses, name: string): BlockingChainPlace {
  return {
    head: layoutRawChains(layout, name),
    rwsem: layoutRwSemaphores(layout, `${name}_rwsem`),
    lockClass: classes.define(`${name}_rwsem`),
  };
}

/** A chain as one thread sees it. */
export class BlockingNotifierChain {
  /** The list itself; protected by {@link rwsem}. */
  readonly chain: RawNotifierChain;
  readonly rwsem: RwSemaphore;

  /**
   * @param core - the running thread
   * @param blocks - the pool the blocks come from
   * @param place - from {@link layoutBlockingChain}
   */
  constructor(core: Core, blocks: NotifierBlocks, place: BlockingChainPlace) {
    this.chain = new RawNotifierChain(core, blocks, place.head.base);
    this.rwsem = new RwSemaphore(core.context, place.rwsem.base, place.lockClass);
  }

  /**
   * Puts a block on the chain. May sleep.
   * @param block - from `NotifierBlocks.create`
   * @returns 0, or -EEXIST when it is on this chain or another one
   * @kernel kernel/notifier.c blocking_notifier_chain_register, 2.6.34, made safe
   */
  register(block: number): number {
    this.rwsem.downWrite();
    try {
      return this.chain.register(block);
    } finally {
      this.rwsem.upWrite();
    }
  }

  /**
   * Puts a block on the chain unless it is there already. May sleep.
   * @param block - from `NotifierBlocks.create`
   * @returns 0, also when it is on this chain already; -EEXIST when it is on another one
   * @kernel kernel/notifier.c blocking_notifier_chain_cond_register, 2.6.34
   */
  condRegister(block: number): number {
    this.rwsem.downWrite();
    try {
      if (this.chain.isRegistered(block)) return 0;
      return this.chain.register(block);
    } finally {
      this.rwsem.upWrite();
    }
  }

  /**
   * Takes a block off the chain; its callback does not run any more when this returns. May sleep.
   * @param block - registered here
   * @returns 0, or -ENOENT when it is not on this chain
   * @kernel kernel/notifier.c blocking_notifier_chain_unregister, 2.6.34
   */
  unregister(block: number): number {
    this.rwsem.downWrite();
    try {
      return this.chain.unregister(block);
    } finally {
      this.rwsem.upWrite();
    }
  }

  /**
   * Calls the blocks in order; see {@link RawNotifierChain.call}. May sleep, unless the chain is empty.
   * @param action - given to the callbacks
   * @param data - given to the callbacks
   * @param limit - most callbacks to call, -1 for all
   * @param callsAt - address of an i32 cell that each callback called is added to, 0 for none
   * @returns the last answer, `NOTIFY_DONE` when nobody was called
   * @kernel kernel/notifier.c __blocking_notifier_call_chain, 2.6.34
   */
  call(action: number, data: number, limit = -1, callsAt = 0): number {
    if (this.chain.isEmpty()) return NOTIFY_DONE;
    this.rwsem.downRead();
    try {
      return this.chain.call(action, data, limit, callsAt);
    } finally {
      this.rwsem.upRead();
    }
  }
}
