/** The layout of the notifier tests, and what their threads do. */
import type { Layout, Region } from '#src/arena/layout.js';
import {
  AtomicNotifierChain,
  layoutAtomicChains,
  type AtomicChainsPlace,
} from '#src/notifier/atomic-chain.js';
import { layoutNotifierBlocks, NotifierBlocks } from '#src/notifier/blocks.js';
import {
  BlockingNotifierChain,
  layoutBlockingChain,
  type BlockingChainPlace,
} from '#src/notifier/blocking-chain.js';
import { NOTIFY_OK } from '#src/notifier/constants.js';
import { layoutRawChains, NOTIFIER_HEAD, RawNotifierChain } from '#src/notifier/raw-chain.js';
import { layoutSrcuChain, SrcuNotifierChain, type SrcuChainPlace } from '#src/notifier/srcu-chain.js';
import type { LockClasses } from '#src/sync/lock-classes.js';
import { layoutLocks, SpinLock } from '#src/sync/locks.js';
import { layoutSrcu, Srcu, type SrcuPlace } from '#src/sync/srcu.js';
import { attachTestCore, type TestCore, type TestCoreHandle } from '../support/core.js';

/** A few chains and some cells. */
export interface NotifierRegions {
  readonly blocks: Region;
  readonly raw: Region;
  readonly blocking: BlockingChainPlace;
  readonly atomic: AtomicChainsPlace;
  readonly srcu: SrcuPlace;
  readonly srcuChain: SrcuChainPlace;
  /** The lock of those who use the raw chain in threads. */
  readonly rawLock: Region;
  readonly rawLockClass: number;
  /** First cell: stage of the slow callback, or a number of calls. */
  readonly cells: Region;
}

/** The chains as one thread sees them. */
export interface Notifiers {
  readonly blocks: NotifierBlocks;
  readonly raw: RawNotifierChain;
  readonly otherRaw: RawNotifierChain;
  readonly blocking: BlockingNotifierChain;
  readonly atomic: AtomicNotifierChain;
  readonly srcu: SrcuNotifierChain;
  readonly rawLock: SpinLock;
}

/** Input of the threads. */
export interface NotifierInput {
  readonly handle: TestCoreHandle;
  readonly block: number;
  /** Which of the chains that threads may share without a lock of their own. */
  readonly kind: 'blocking' | 'atomic' | 'srcu';
  /** Whether an unregistration leaves its wait for readers out. */
  readonly withoutWait?: boolean;
}

/** Stages of the slow callback. */
const IN_CALLBACK = 1;
const GO_ON = 2;
const CALLBACK_ENDED = 3;

/** Lays the chains out. */
export function buildNotifiers(layout: Layout, classes: LockClasses): NotifierRegions {
  return {
    blocks: layoutNotifierBlocks(layout),
    raw: layoutRawChains(layout, 'raw_chains', 2),
    blocking: layoutBlockingChain(layout, classes, 'chain'),
    atomic: layoutAtomicChains(layout, classes, 'atomic_chain'),
    srcu: layoutSrcu(layout, classes),
    srcuChain: layoutSrcuChain(layout, classes, 'srcu_chain'),
    rawLock: layoutLocks(layout, 'raw_lock'),
    rawLockClass: classes.define('raw_lock'),
    cells: layout.bytes('hot', 'cells', 1024),
  };
}

/** Makes a thread's view of the chains. */
export function attachNotifiers(machine: TestCore<NotifierRegions>): Notifiers {
  const { core, regions } = machine;
  const blocks = new NotifierBlocks(core, regions.blocks);
  return {
    blocks,
    raw: new RawNotifierChain(core, blocks, regions.raw.base),
    otherRaw: new RawNotifierChain(core, blocks, regions.raw.base + NOTIFIER_HEAD.$bytes),
    blocking: new BlockingNotifierChain(core, blocks, regions.blocking),
    atomic: new AtomicNotifierChain(core, blocks, regions.atomic),
    srcu: new SrcuNotifierChain(core, blocks, new Srcu(core, regions.srcu), regions.srcuChain),
    rawLock: new SpinLock(core.locks, regions.rawLock.base, regions.rawLockClass),
  };
}

/** Calls the chain; its callback does not return before it is told to go on. */
export function callSlowly(input: NotifierInput): number {
  const machine = attachTestCore(buildNotifiers, input.handle, { name: 'caller' });
  const notifiers = attachNotifiers(machine);
  const { blocks } = notifiers;
  const cell = machine.regions.cells.base >> 2;
  const { i32 } = machine.arena;
  blocks.calls.define('slow_callback', () => {
    Atomics.store(i32, cell, IN_CALLBACK);
    for (let slice = 0; slice < 100 && Atomics.load(i32, cell) !== GO_ON; slice++) {
      Atomics.wait(i32, cell, IN_CALLBACK, 50);
    }
    // Long enough for an unregistration that does not wait to be seen.
    Atomics.wait(i32, cell, GO_ON, 30);
    Atomics.store(i32, cell, CALLBACK_ENDED);
    return NOTIFY_OK;
  });
  return notifiers[input.kind].call(0, 0);
}

/** Unregisters the block; returns the result, and how far the callback was then. */
export function unregister(input: NotifierInput): { result: number; stage: number } {
  const machine = attachTestCore(buildNotifiers, input.handle, { name: 'remover' });
  const notifiers = attachNotifiers(machine);
  if (input.withoutWait === true) {
    notifiers.atomic.rcu.synchronizeRcu = () => {};
    notifiers.srcu.srcu.synchronizeSrcu = () => {};
  }
  const result = notifiers[input.kind].unregister(input.block);
  return { result, stage: machine.cells.atomicLoad(machine.regions.cells.base) };
}
