/**
 * Two threads that take locks, in one order or in another, and drop them or not: in which form, the address of the module says (`?form=NAME`).
 */
import {
  layoutLocks,
  Mutex,
  Rcu,
  SpinLock,
  type Core,
  type Layout,
  type LockClasses,
} from '@swaplab/kernel-mm';
import { defineScenario, thread } from '@swaplab/explore';

interface Places {
  readonly locks: { readonly base: number; readonly stride: number };
  readonly classes: readonly number[];
  readonly sorted: number;
}

/** Three locks, each of a class of its own, and two more of one class. */
const CLASSES = ['apple', 'birch', 'cedar'];
const SORTED = 3;

function lay(layout: Layout, classes: LockClasses): Places {
  return {
    locks: layoutLocks(layout, 'locks', CLASSES.length + 2),
    classes: CLASSES.map((name) => classes.define(name)),
    sorted: classes.define('sorted', 'lower-address-first'),
  };
}

class Hand {
  readonly core: Core;
  private readonly places: Places;

  constructor(core: Core, places: Places) {
    this.core = core;
    this.places = places;
  }

  /** One of the five locks, in a class. */
  lock(index: number, lockClass = this.places.classes[index] ?? this.places.sorted): SpinLock {
    return new SpinLock(this.core.locks, this.addressOf(index), lockClass);
  }

  mutex(index: number): Mutex {
    return new Mutex(this.core.locks, this.addressOf(index), this.places.classes[index]!);
  }

  /** Takes one lock with the other one held. */
  nest(outer: SpinLock, inner: SpinLock): void {
    outer.lock();
    inner.lock();
    inner.unlock();
    outer.unlock();
  }

  classOf(index: number): number {
    return this.places.classes[index]!;
  }

  private addressOf(index: number): number {
    return this.places.locks.base + index * this.places.locks.stride;
  }
}

type Body = (hand: Hand) => void;

const nest =
  (...pairs: readonly (readonly [outer: number, inner: number])[]): Body =>
  (hand) => {
    for (const [outer, inner] of pairs) hand.nest(hand.lock(outer), hand.lock(inner));
  };

const FORMS: Readonly<Record<string, readonly [Body, Body]>> = {
  'one order': [nest([0, 1], [1, 2]), nest([0, 2], [0, 1])],
  'two orders': [nest([0, 1]), nest([1, 0])],
  'a ring of three': [nest([0, 1], [1, 2]), nest([2, 0])],
  tried: [
    nest([0, 1]),
    (hand) => {
      hand.lock(1).lock();
      if (hand.lock(0).tryLock()) hand.lock(0).unlock();
      hand.lock(1).unlock();
    },
  ],
  'tried first': [
    nest([0, 1]),
    (hand) => {
      if (!hand.lock(1).tryLock()) return;
      hand.lock(0).lock();
      hand.lock(0).unlock();
      hand.lock(1).unlock();
    },
  ],
  'one after the other': [
    nest([0, 1]),
    (hand) => {
      hand.lock(1).lock();
      hand.lock(1).unlock();
      hand.lock(0).lock();
      hand.lock(0).unlock();
    },
  ],
  'two of one class': [
    (hand) => hand.nest(hand.lock(0), hand.lock(1, hand.classOf(0))),
    (hand) => hand.lock(2),
  ],
  'rising addresses': [nest([SORTED, SORTED + 1]), nest([SORTED, SORTED + 1])],
  'falling addresses': [nest([SORTED, SORTED + 1]), nest([SORTED + 1, SORTED])],
  'not dropped': [(hand) => hand.lock(0).lock(), (hand) => hand.lock(2)],
  'not enabled': [(hand) => hand.core.context.preemptDisable(), (hand) => hand.lock(2)],
  'not through': [(hand) => new Rcu(hand.core.context).readLock(), (hand) => hand.lock(2)],
  asleep: [
    (hand) => {
      hand.lock(0).lock();
      hand.mutex(1).lock();
      hand.mutex(1).unlock();
      hand.lock(0).unlock();
    },
    (hand) => hand.lock(2),
  ],
};

const [first, second] = FORMS[new URL(import.meta.url).searchParams.get('form') ?? '']!;

export default defineScenario<Places>({
  name: 'locking',
  about: 'Two threads take locks.',
  memory: lay,
  threads: [
    thread<Places>('first', ({ core, regions }) => first(new Hand(core, regions))),
    thread<Places>('second', ({ core, regions }) => second(new Hand(core, regions))),
  ],
});
