/**
 * Two threads that share cells, each time ordered by other means, or not ordered: which one, the address of the module says (`?form=NAME`).
 */
import {
  layoutLocks,
  layoutRwSemaphores,
  layoutSrcu,
  layoutWaitQueues,
  Mutex,
  Rcu,
  RwSemaphore,
  SpinLock,
  Srcu,
  WaitQueue,
  type Core,
  type Layout,
  type LockClasses,
  type SrcuPlace,
} from '@swaplab/kernel-mm';
import { defineScenario, thread } from '@swaplab/explore';

interface Places {
  readonly cells: { readonly base: number };
  readonly lock: { readonly base: number };
  readonly semaphore: { readonly base: number };
  readonly queue: { readonly base: number };
  readonly srcu: SrcuPlace;
  readonly lockClass: number;
  readonly semaphoreClass: number;
}

function lay(layout: Layout, classes: LockClasses): Places {
  return {
    cells: layout.bytes('hot', 'cells', 64),
    lock: layoutLocks(layout, 'lock'),
    semaphore: layoutRwSemaphores(layout, 'semaphore'),
    queue: layoutWaitQueues(layout, 'queue'),
    srcu: layoutSrcu(layout, classes),
    lockClass: classes.define('lock'),
    semaphoreClass: classes.define('semaphore'),
  };
}

/** What a thread has at hand. */
class Hand {
  readonly core: Core;
  readonly spin: SpinLock;
  readonly mutex: Mutex;
  readonly semaphore: RwSemaphore;
  readonly queue: WaitQueue;
  readonly rcu: Rcu;
  readonly srcu: Srcu;
  /** Cells: data, a flag or a pointer to it, and a result. */
  readonly data: number;
  readonly flag: number;
  readonly other: number;

  constructor(core: Core, places: Places) {
    this.core = core;
    this.spin = new SpinLock(core.locks, places.lock.base, places.lockClass);
    this.mutex = new Mutex(core.locks, places.lock.base, places.lockClass);
    this.semaphore = new RwSemaphore(core.context, places.semaphore.base, places.semaphoreClass);
    this.queue = new WaitQueue(core.context, places.queue.base);
    this.rcu = new Rcu(core.context);
    this.srcu = new Srcu(core, places.srcu);
    this.data = places.cells.base;
    this.flag = places.cells.base + 4;
    this.other = places.cells.base + 8;
  }

  add(): void {
    const { cells } = this.core;
    cells.st32(this.data, cells.ld32(this.data) + 1);
  }
}

type Body = (hand: Hand) => void;

function underSpinLock(hand: Hand): void {
  hand.spin.lock();
  hand.add();
  hand.spin.unlock();
}

function underMutex(hand: Hand): void {
  hand.mutex.lock();
  hand.add();
  hand.mutex.unlock();
}

function ifFree(hand: Hand): void {
  if (!hand.spin.tryLock()) return;
  hand.add();
  hand.spin.unlock();
}

function freeOrNot(hand: Hand): void {
  const isMine = hand.spin.tryLock();
  hand.add();
  if (isMine) hand.spin.unlock();
}

function write(hand: Hand): void {
  hand.semaphore.downWrite();
  hand.add();
  hand.semaphore.upWrite();
}

function read(hand: Hand): void {
  hand.semaphore.downRead();
  hand.core.cells.ld32(hand.data);
  hand.semaphore.upRead();
}

function writeAsReader(hand: Hand): void {
  hand.semaphore.downRead();
  hand.add();
  hand.semaphore.upRead();
}

function waitForFlag(hand: Hand): void {
  const { cells } = hand.core;
  for (;;) {
    const ticket = hand.queue.prepareToWait();
    if (cells.atomicLoad(hand.flag) !== 0) break;
    hand.queue.wait(ticket, Infinity);
  }
  cells.ld32(hand.data);
}

/** Waits once, and looks at nothing but the data. */
function waitOnce(hand: Hand): void {
  hand.queue.wait(0, Infinity);
  hand.core.cells.ld32(hand.data);
}

/** Reads what a flag points to: the data, or the other cell. */
function follow(hand: Hand): void {
  const { cells } = hand.core;
  hand.rcu.readLock();
  cells.ld32(cells.atomicLoad(hand.flag) === 0 ? hand.data : hand.other);
  hand.rcu.readUnlock();
}

function followAsleep(hand: Hand): void {
  const { cells } = hand.core;
  const domain = cells.atomicLoad(hand.other + 4);
  const index = hand.srcu.srcuReadLock(domain);
  cells.ld32(cells.atomicLoad(hand.flag) === 0 ? hand.data : hand.other);
  hand.srcu.srcuReadUnlock(domain, index);
}

const FORMS: Readonly<Record<string, readonly [Body, Body]>> = {
  nothing: [(hand) => hand.add(), (hand) => hand.add()],
  'one of two locks': [underSpinLock, (hand) => hand.add()],
  spinlock: [underSpinLock, underSpinLock],
  mutex: [underMutex, underMutex],
  trylock: [underSpinLock, ifFree],
  'failed trylock': [underSpinLock, freeOrNot],
  writers: [write, write],
  'readers and a writer': [write, read],
  'readers that write': [writeAsReader, writeAsReader],
  'atomic flag': [
    (hand) => {
      hand.add();
      hand.core.cells.atomicStore(hand.flag, 1);
    },
    (hand) => {
      if (hand.core.cells.atomicLoad(hand.flag) !== 0) hand.add();
    },
  ],
  'plain flag': [
    (hand) => {
      hand.add();
      hand.core.cells.st32(hand.flag, 1);
    },
    (hand) => {
      if (hand.core.cells.ld32(hand.flag) !== 0) hand.add();
    },
  ],
  'wait queue': [
    (hand) => {
      hand.add();
      hand.core.cells.atomicStore(hand.flag, 1);
      hand.queue.wakeAll();
    },
    waitForFlag,
  ],
  'wake-up': [
    (hand) => {
      hand.add();
      hand.queue.wakeAll();
    },
    waitOnce,
  ],
  'late data': [
    (hand) => {
      hand.queue.wakeAll();
      hand.add();
    },
    waitOnce,
  ],
  rcu: [
    (hand) => {
      hand.core.cells.atomicStore(hand.flag, 1);
      hand.rcu.synchronizeRcu();
      hand.add();
    },
    follow,
  ],
  'rcu without waiting': [
    (hand) => {
      hand.core.cells.atomicStore(hand.flag, 1);
      hand.add();
    },
    follow,
  ],
  srcu: [
    (hand) => {
      const { cells } = hand.core;
      cells.atomicStore(hand.flag, 1);
      hand.srcu.synchronizeSrcu(cells.atomicLoad(hand.other + 4));
      hand.add();
    },
    followAsleep,
  ],
  'neighbouring bytes': [
    (hand) => hand.core.cells.st8(hand.data, 1),
    (hand) => hand.core.cells.st8(hand.data + 1, 1),
  ],
  'one byte': [
    (hand) => hand.core.cells.st8(hand.data + 1, 1),
    (hand) => hand.core.cells.st8(hand.data + 1, 1),
  ],
  loads: [(hand) => hand.core.cells.ld32(hand.data), (hand) => hand.core.cells.ld32(hand.data)],
};

const [first, second] = FORMS[new URL(import.meta.url).searchParams.get('form') ?? '']!;

export default defineScenario<Places>({
  name: 'orderings',
  about: 'Two threads change the same data.',
  memory: lay,
  setup: ({ core, regions }) => {
    const hand = new Hand(core, regions);
    core.cells.st32(hand.other + 4, hand.srcu.initSrcuStruct());
    return undefined;
  },
  threads: [
    thread<Places>('first', ({ core, regions }) => first(new Hand(core, regions))),
    thread<Places>('second', ({ core, regions }) => second(new Hand(core, regions))),
  ],
});
