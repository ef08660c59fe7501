/**
 * Atomic notifier chain: may be called where nobody may sleep, and its callbacks must not sleep.
 *
 * A spinlock keeps registrations apart from each other. Calls take no lock: they read the chain under RCU, and an unregistration waits for
 * those that are under way. @kernel kernel/notifier.c atomic_notifier_*, 2.6.34
 *
 * Promise: when {@link AtomicNotifierChain.unregister} returns, the callback of the block does not run any more, and the block may be
 * destroyed or registered elsewhere. Until then the block keeps its link, since a call may be standing on it, and it counts as
 * registered: `NotifierBlocks.destroy` answers -EBUSY.
 *
 * A callback may register blocks, on this chain too. It must not unregister any: it would wait for itself, and is reported instead.
 */
import type { Layout, Region } from '../arena/layout.js';
import type { Core } from '../sync/core.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks, SpinLock } from '../sync/locks.js';
import { Rcu } from '../sync/rcu.js';
import { NOTIFIER_BLOCK, type NotifierBlocks } from './blocks.js';
import { NOTIFY_DONE } from './constants.js';
import { layoutRawChains, NOTIFIER_HEAD, RawNotifierChain } from './raw-chain.js';

/** Where atomic chains lie. @kernel struct atomic_notifier_head */
export interface AtomicChainsPlace {
  readonly heads: Region;
  readonly locks: Region;
  readonly lockClass: LockClass;
}

/**
 * Reserves chains and defines the class of their spinlocks, `NAME_lock`.
 * @param layout - not yet sealed
 * @param classes - the machine's lock classes
 * @param name - for reports, unique: `slot_free_notify_list`
 * @param count - number of chains
 */
export function layoutAtomicChains(
  layout: Layout,
  classes: LockClasses,
  name: string,
  count = 1,
): AtomicChainsPlace {
  return {
    heads: layoutRawChains(layout, name, count),
    locks: layoutLocks(layout, `${name}_lock`, count),
    lockClass: classes.define(`${name}_lock`),
  };
}

/** A chain as one thread sees it. */
export class AtomicNotifierChain {
  /** The list itself. */
  readonly chain: RawNotifierChain;
  /** Keeps registrations apart. */
  readonly lock: SpinLock;
  readonly rcu: Rcu;
  private readonly core: Core;

  /**
   * @param core - the running thread
   * @param blocks - the pool the blocks come from
   * @param place - from {@link layoutAtomicChains}
   * @param index - which of the chains
   */
  constructor(core: Core, blocks: NotifierBlocks, place: AtomicChainsPlace, index = 0) {
    this.core = core;
    this.chain = new RawNotifierChain(core, blocks, place.heads.base + index * NOTIFIER_HEAD.$bytes);
    this.lock = new SpinLock(core.locks, place.locks.base + index * place.locks.stride, place.lockClass);
    this.rcu = new Rcu(core.context);
  }

  /** Whether no block is registered; true only for the moment. */
  isEmpty(): boolean {
    return this.chain.isEmpty();
  }

  /**
   * Puts a block on the chain. Does not sleep.
   * @param block - from `NotifierBlocks.create`
   * @returns 0, or -EEXIST when it is on this chain or another one
   * @kernel kernel/notifier.c atomic_notifier_chain_register, 2.6.34, made safe
   */
  register(block: number): number {
    this.lock.lock();
    try {
      return this.chain.register(block);
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Takes a block off the chain and waits for the calls that may still reach it. May sleep: the caller holds no spinlock.
   * @param block - registered here
   * @returns 0, or -ENOENT when it is not on this chain
   * @throws MisuseError `ERR_WOULD_BLOCK` when this view must not wait and somebody is calling; the block is off the chain then, but still
   * counts as registered: call again
   * @kernel kernel/notifier.c atomic_notifier_chain_unregister, 2.6.34
   */
  unregister(block: number): number {
    this.core.context.mightSleep('taking a block off an atomic notifier chain');
    this.lock.lock();
    try {
      const error = this.chain.unlink(block);
      if (error !== 0 && !this.isLeaving(block)) return error;
    } finally {
      this.lock.unlock();
    }
    this.rcu.synchronizeRcu();
    this.chain.release(block);
    return 0;
  }

  /**
   * Takes all blocks off the chain, whoever registered them. Does not wait for calls: the caller keeps them away from this chain.
   * @returns how many there were
   */
  clear(): number {
    this.lock.lock();
    try {
      let cleared = 0;
      for (let block = this.chain.first(); block !== 0; block = this.chain.first()) {
        this.chain.assertNoRing(cleared);
        this.chain.unregister(block);
        cleared++;
      }
      return cleared;
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Calls the blocks in order; see {@link RawNotifierChain.call}. Does not sleep, and neither may the callbacks.
   * @param action - given to the callbacks
   * @param data - given to the callbacks
   * @param limit - most callbacks to call, -1 for all
   * @param callsAt - address of an i32 cell that each callback called is added to, 0 for none
   * @returns the last answer, `NOTIFY_DONE` when nobody was called
   * @kernel kernel/notifier.c __atomic_notifier_call_chain, 2.6.34
   */
  call(action: number, data: number, limit = -1, callsAt = 0): number {
    this.rcu.readLock();
    try {
      // The atomic look at the head orders all others behind the start of the section.
      if (this.chain.isEmpty()) return NOTIFY_DONE;
      return this.chain.call(action, data, limit, callsAt);
    } finally {
      this.rcu.readUnlock();
    }
  }

  /** Whether a block was taken off this chain by somebody who has not waited to the end. */
  private isLeaving(block: number): boolean {
    return this.core.cells.atomicLoad(block + NOTIFIER_BLOCK.chain) === this.chain.address;
  }
}
