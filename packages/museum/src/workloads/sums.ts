/**
 * Threads that add to two sums in sections: the workloads that schedule explorers are compared by.
 *
 * Points are taking and dropping the lock and nothing else: the sums are plain words, touched directly, as in the programs that the other
 * explorers were measured with. So a thread has two points in a section, and none elsewhere. The deliberately wrong threads differ from the others
 * in one section only.
 *
 * Sections are written out in each body: in the twin a function of its own would be one more generator for each section.
 */
import { thread, type ScenarioEnv, type ScenarioThread } from '@swaplab/explore';
import { layoutLocks, type Layout, type LockClass, type LockClasses, type Region } from '@swaplab/kernel-mm';

/** What the threads stand on. */
export interface Sums {
  readonly lock: Region;
  readonly lockClass: LockClass;
  /** A second lock, for those who take two. */
  readonly second: Region;
  readonly secondClass: LockClass;
  /** The two sums, 32 bits each, one after the other. */
  readonly words: Region;
}

/** A thread that adds. */
export type SumThread = ScenarioThread<Sums>;
/** What such a thread is given. */
export type SumEnv = ScenarioEnv<Sums, undefined>;

const WORDS_BYTES = 64;

/**
 * Lays the sums and their locks out.
 * @param layout - not yet sealed
 * @param classes - of locks
 */
export function layoutSums(layout: Layout, classes: LockClasses): Sums {
  return {
    lock: layoutLocks(layout, 'lock'),
    lockClass: classes.define('lock'),
    second: layoutLocks(layout, 'second lock'),
    secondClass: classes.define('second lock'),
    words: layout.bytes('hot', 'sums', WORDS_BYTES),
  };
}

/**
 * A thread that adds one to each sum, with the lock held, in each of its sections.
 * @param name - of the thread
 * @param sections - how many
 */
export function summing(name: string, sections: number): SumThread {
  return thread(name, ({ core, regions }: SumEnv): void => {
    const { lockClass } = regions;
    const lock = regions.lock.base;
    const word = regions.words.base >> 2;
    const { locks } = core;
    const { i32 } = core.cells.arena;
    for (let section = 0; section < sections; section++) {
      locks.spinLock(lock, lockClass);
      i32[word]! += 1;
      i32[word + 1]! += 1;
      locks.spinUnlock(lock, lockClass);
    }
  });
}

/**
 * The same with atomic sums: each read and each write of a sum is a point, too, six in a section.
 * @param name - of the thread
 * @param sections - how many
 */
export function summingAtomically(name: string, sections: number): SumThread {
  return thread(name, ({ core, regions }: SumEnv): void => {
    const { lockClass } = regions;
    const lock = regions.lock.base;
    const sum = regions.words.base;
    const { cells, locks } = core;
    for (let section = 0; section < sections; section++) {
      locks.spinLock(lock, lockClass);
      const first = cells.atomicLoad(sum);
      cells.atomicStore(sum, first + 1);
      const second = cells.atomicLoad(sum + 4);
      cells.atomicStore(sum + 4, second + 1);
      locks.spinUnlock(lock, lockClass);
    }
  });
}

/**
 * As {@link summing}, but in one section the sums are read, the lock is dropped and taken again, and then they are written.
 * @param name - of the thread
 * @param sections - how many
 * @param wrong - number of that section, counted from 0
 */
export function summingWithGap(name: string, sections: number, wrong: number): SumThread {
  return thread(name, ({ core, regions }: SumEnv): void => {
    const { lockClass } = regions;
    const lock = regions.lock.base;
    const word = regions.words.base >> 2;
    const { locks } = core;
    const { i32 } = core.cells.arena;
    for (let section = 0; section < sections; section++) {
      locks.spinLock(lock, lockClass);
      const first = i32[word]!;
      const second = i32[word + 1]!;
      if (section === wrong) {
        locks.spinUnlock(lock, lockClass);
        locks.spinLock(lock, lockClass);
      }
      i32[word] = first + 1;
      i32[word + 1] = second + 1;
      locks.spinUnlock(lock, lockClass);
    }
  });
}

/**
 * As {@link summing}, but in one section the second lock is held as well.
 * @param name - of the thread
 * @param sections - how many
 * @param both - number of that section, counted from 0
 * @param inside - whether the second lock is taken inside of the first, else outside
 */
export function summingWithTwoLocks(
  name: string,
  sections: number,
  both: number,
  inside: boolean,
): SumThread {
  return thread(name, ({ core, regions }: SumEnv): void => {
    const { lockClass, secondClass } = regions;
    const lock = regions.lock.base;
    const second = regions.second.base;
    const word = regions.words.base >> 2;
    const { locks } = core;
    const { i32 } = core.cells.arena;
    for (let section = 0; section < sections; section++) {
      const outer = section === both && !inside;
      const inner = section === both && inside;
      if (outer) locks.spinLock(second, secondClass);
      locks.spinLock(lock, lockClass);
      if (inner) locks.spinLock(second, secondClass);
      i32[word]! += 1;
      i32[word + 1]! += 1;
      if (inner) locks.spinUnlock(second, secondClass);
      locks.spinUnlock(lock, lockClass);
      if (outer) locks.spinUnlock(second, secondClass);
    }
  });
}

/**
 * A thread that adds one to the first sum without any lock, a few times: an atomic load, then an atomic store.
 * @param name - of the thread
 * @param rounds - how often
 */
export function addingUnlocked(name: string, rounds: number): SumThread {
  return thread(name, ({ core, regions }: SumEnv): void => {
    const sum = regions.words.base;
    const { cells } = core;
    for (let round = 0; round < rounds; round++) {
      const seen = cells.atomicLoad(sum);
      cells.atomicStore(sum, seen + 1);
    }
  });
}

/**
 * A thread that stores into a word of its own: points that nobody else cares about.
 * @param name - of the thread
 * @param rounds - how often
 * @param place - which word, 0 to 15
 */
export function storing(name: string, rounds: number, place: number): SumThread {
  return thread(name, ({ core, regions }: SumEnv): void => {
    const word = regions.words.base + 4 * place;
    const { cells } = core;
    for (let round = 0; round < rounds; round++) cells.st32(word, round);
  });
}

/**
 * Checks a sum at the end. @quiescent
 * @param env - of any thread
 * @param sum - 0 for the first, 1 for the second
 * @param expected - what it must be
 */
export function checkSum({ core, regions }: SumEnv, sum: number, expected: number): void {
  const found = core.cells.arena.i32[(regions.words.base >> 2) + sum]!;
  if (found !== expected) core.context.bug(`Sum ${sum} is ${found}, but ${expected} were added.`);
}
