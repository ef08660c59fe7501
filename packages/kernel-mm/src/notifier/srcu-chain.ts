/**
 * SRCU notifier chain: callbacks may sleep, and a call takes no lock that a registration could be held up by.
 *
 * A mutex keeps registrations apart from each other. Calls read the chain under sleepable RCU, and an unregistration waits for those that are
 * under way: a chain for those who call often and unregister seldom. @kernel kernel/notifier.c srcu_notifier_*, 2.6.34 (whose exception for
 * the time of booting is left out: our machines boot with locks)
 *
 * Unlike the other kinds the head has to be made while the machine runs: {@link SrcuNotifierChain.init} gives it its domain of readers, and
 * any other use before that is reported.
 *
 * Promise: when {@link SrcuNotifierChain.unregister} returns, the callback of the block does not run any more, and the block may be
 * destroyed or registered elsewhere. Until then the block keeps its link, since a call may be standing on it, and it counts as
 * registered: `NotifierBlocks.destroy` answers -EBUSY.
 *
 * A callback may register blocks, on this chain too, and may call the chain. It must not unregister any block of it: it would wait for itself, and
 * is reported instead.
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Core } from '../sync/core.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks, Mutex } from '../sync/locks.js';
import type { Srcu } from '../sync/srcu.js';
import { NOTIFIER_BLOCK, type NotifierBlocks } from './blocks.js';
import { NOTIFY_DONE } from './constants.js';
import { layoutRawChains, RawNotifierChain } from './raw-chain.js';

/** What an SRCU chain has besides its head. @kernel struct srcu_notifier_head, 2.6.34 */
const SRCU_HEAD = struct('srcu_notifier_head', { srcu: 'i32' }, 64);

/** Where an SRCU chain lies. */
export interface SrcuChainPlace {
  readonly head: Region;
  readonly domain: Region;
  readonly mutex: Region;
  readonly lockClass: LockClass;
}

/**
 * Reserves a chain and defines the class of its mutex, `NAME_mutex`.
 * @param layout - not yet sealed
 * @param classes - the machine's lock classes
 * @param name - for reports, unique
 */
export function layoutSrcuChain(layout: Layout, classes: LockClasses, name: string): SrcuChainPlace {
  return {
    head: layoutRawChains(layout, name),
    domain: layout.structs('hot', `${name}_srcu`, SRCU_HEAD, 1),
    mutex: layoutLocks(layout, `${name}_mutex`),
    lockClass: classes.define(`${name}_mutex`),
  };
}

/** A chain as one thread sees it. */
export class SrcuNotifierChain {
  /** The list itself. */
  readonly chain: RawNotifierChain;
  /** Keeps registrations apart. */
  readonly mutex: Mutex;
  readonly srcu: Srcu;
  private readonly core: Core;
  /** Address of the cell that holds the domain, 0 in it before {@link init}. */
  private readonly domainAt: number;

  /**
   * @param core - the running thread
   * @param blocks - the pool the blocks come from
   * @param srcu - sleepable RCU of the machine
   * @param place - from {@link layoutSrcuChain}
   */
  constructor(core: Core, blocks: NotifierBlocks, srcu: Srcu, place: SrcuChainPlace) {
    this.core = core;
    this.chain = new RawNotifierChain(core, blocks, place.head.base);
    this.mutex = new Mutex(core.locks, place.mutex.base, place.lockClass);
    this.srcu = srcu;
    this.domainAt = place.domain.base + SRCU_HEAD.srcu;
  }

  /**
   * Makes the head, once for all threads, before any other use. Stops the machine when there is no domain of readers left, as the original does.
   * @kernel kernel/notifier.c srcu_init_notifier_head, 2.6.34
   */
  init(): void {
    const { cells, context } = this.core;
    if (cells.atomicLoad(this.domainAt) !== 0)
      context.bug(`The SRCU notifier head ${this.name()} is made twice.`);
    const domain = this.srcu.initSrcuStruct();
    if (domain < 0) context.bug(`The SRCU notifier head ${this.name()} could not be made: error ${domain}.`);
    cells.atomicStore(this.domainAt, domain);
  }

  /**
   * Ends the chain; it may be made again. Nobody may use it meanwhile, and no block may be left on it.
   * @kernel include/linux/notifier.h srcu_cleanup_notifier_head, 2.6.34
   */
  cleanup(): void {
    const { cells, context } = this.core;
    if (!this.chain.isEmpty()) context.bug(`The SRCU notifier head ${this.name()} ends with blocks on it.`);
    this.srcu.cleanupSrcuStruct(this.domain());
    cells.atomicStore(this.domainAt, 0);
  }

  /** Whether no block is registered; true only for the moment. */
  isEmpty(): boolean {
    return this.chain.isEmpty();
  }

  /**
   * Puts a block on the chain. May sleep; does not wait for calls under way.
   * @param block - from `NotifierBlocks.create`
   * @returns 0, or -EEXIST when it is on this chain or another one
   * @kernel kernel/notifier.c srcu_notifier_chain_register, 2.6.34, made safe
   */
  register(block: number): number {
    this.domain();
    this.mutex.lock();
    try {
      return this.chain.register(block);
    } finally {
      this.mutex.unlock();
    }
  }

  /**
   * Takes a block off the chain and waits for the calls that may still reach it. May sleep.
   * @param block - registered here
   * @returns 0, or -ENOENT when it is not on this chain
   * @throws MisuseError `ERR_WOULD_BLOCK` when this view must not wait and somebody is calling; the block is off the chain then, but still
   * counts as registered: call again
   * @kernel kernel/notifier.c srcu_notifier_chain_unregister, 2.6.34
   */
  unregister(block: number): number {
    const domain = this.domain();
    this.srcu.assertNotReading(domain, 'srcu_notifier_chain_unregister');
    this.mutex.lock();
    try {
      const error = this.chain.unlink(block);
      if (error !== 0 && !this.isLeaving(block)) return error;
    } finally {
      this.mutex.unlock();
    }
    this.srcu.synchronizeSrcu(domain);
    this.chain.release(block);
    return 0;
  }

  /**
   * Calls the blocks in order; see {@link RawNotifierChain.call}. May sleep, since the callbacks may; never waits for registrations.
   * @param action - given to the callbacks
   * @param data - given to the callbacks
   * @param limit - most callbacks to call, -1 for all
   * @param callsAt - address of an i32 cell that each callback called is added to, 0 for none
   * @returns the last answer, `NOTIFY_DONE` when nobody was called
   * @kernel kernel/notifier.c __srcu_notifier_call_chain, 2.6.34
   */
  call(action: number, data: number, limit = -1, callsAt = 0): number {
    const domain = this.domain();
    this.core.context.mightSleep('calling an SRCU notifier chain');
    const index = this.srcu.srcuReadLock(domain);
    try {
      // The atomic look at the head orders all others behind the start of the section.
      if (this.chain.isEmpty()) return NOTIFY_DONE;
      return this.chain.call(action, data, limit, callsAt);
    } finally {
      this.srcu.srcuReadUnlock(domain, index);
    }
  }

  /** Whether a block was taken off this chain by somebody who has not waited to the end. */
  private isLeaving(block: number): boolean {
    return this.core.cells.atomicLoad(block + NOTIFIER_BLOCK.chain) === this.chain.address;
  }

  /** The domain of the chain's readers. */
  private domain(): number {
    const domain = this.core.cells.atomicLoad(this.domainAt);
    if (domain === 0)
      this.core.context.bug(`The SRCU notifier head ${this.name()} was never made: call init() first.`);
    return domain;
  }

  private name(): string {
    return this.core.context.layout.describe(this.chain.address);
  }
}
