/**
 * The detectors as one watcher. It knows what the points of the kernel mean: when a lock that was asked for is taken, who reads a semaphore and who
 * writes it, what the cell of a reader under RCU is; and tells each detector what concerns it, in the words of that detector.
 *
 * A point stands before its operation, so whether a lock was taken is seen at the next thing its task does: the lock is the last one on the list
 * of those the task holds then, or it was only tried.
 *
 * Promise: once something was found, nothing more is in this schedule: what follows is only the way out of the code that failed.
 */
import {
  holdsRwSemaphores,
  isHeldForWriting,
  POINT_ATOMIC,
  POINT_LOAD,
  POINT_LOCK,
  POINT_STORE,
  POINT_TRYLOCK,
  POINT_UNLOCK,
  POINT_WAIT,
  POINT_WAKE,
  TASK,
  TASK_NAME_BYTES_MAX,
  type Core,
  type PointKind,
  type Site,
} from '@swaplab/kernel-mm';
import { WATCH_LOCK_ORDER, WATCH_MEMORY, WATCH_RACES } from '../engines/job.js';
import { Findings } from './findings.js';
import { LockOrder, lockOrderWords } from './lock-order.js';
import { MemoryUse } from './memory.js';
import { Races, raceWords, type RaceSizes } from './races.js';
import { SITE_ATOMIC_LOAD, SITE_ATOMIC_STORE, SiteTable, type SiteFacts } from './site-facts.js';
import type { Watcher, WatchParts } from './watch.js';

const LOAD = POINT_LOAD;
const STORE = POINT_STORE;
const ATOMIC = POINT_ATOMIC;
const LOCK = POINT_LOCK;
const TRYLOCK = POINT_TRYLOCK;
const UNLOCK = POINT_UNLOCK;
const WAIT = POINT_WAIT;
const WAKE = POINT_WAKE;
const ATOMIC_LOAD = SITE_ATOMIC_LOAD;
const ATOMIC_STORE = SITE_ATOMIC_STORE;

const TASK_WORDS = TASK.$bytes >> 2;
const HELD_COUNT = TASK.heldCount >> 2;
const HELD_ADDRESS = TASK.heldAddress >> 2;
const HELD_CLASS = TASK.heldClass >> 2;
const RCU = TASK.rcu >> 2;
const RCU_NESTING = TASK.rcuNesting >> 2;

// Own words: whether something was found, then for each task the lock it asked for, where, and in which way.
const QUIET = 0;
const ASKED = 1;
const ASKED_WORDS = 3;

/** The clock that readers of a semaphore release lies beside that of its writers: no object has an odd address. */
const READERS = 1;

/**
 * Number of words of the detectors.
 * @param sizes - of the schedules
 */
export function detectorWords(sizes: RaceSizes): number {
  return ASKED + ASKED_WORDS * sizes.tasks + lockOrderWords(sizes.tasks) + raceWords(sizes);
}

/** The detectors of one thread. */
export class Detectors implements Watcher {
  private readonly words: Int32Array;
  private readonly races: Races;
  private readonly lockOrder: LockOrder;
  private readonly memory: MemoryUse;
  private readonly sites: SiteTable;
  private readonly i32: Int32Array;
  /** First word of the context of each task, in the arena. */
  private readonly contexts: Int32Array;
  /** Where the contexts of all tasks lie, in bytes. */
  private readonly contextsBase: number;
  private readonly contextsEnd: number;
  /** First byte of each region of semaphores and the one behind its last, by turns. */
  private readonly semaphores: Int32Array;
  /** Whether it is known which races are intended, and whether operations without a site are looked at, too. */
  private readonly knowsRaces: boolean;
  private readonly unsited: boolean;
  private watchesRaces = false;
  private watchesLocks = false;
  private watchesMemory = false;
  private framesFrom = Infinity;

  /**
   * @param parts - what they work with
   * @param sizes - of the schedules, as for {@link detectorWords}
   */
  constructor(parts: WatchParts, sizes: RaceSizes) {
    const { core, threads, detectors } = parts;
    const facts: SiteFacts = parts.sites ?? NO_FACTS;
    const orderAt = ASKED + ASKED_WORDS * sizes.tasks;
    const racesAt = orderAt + lockOrderWords(sizes.tasks);
    const findings = new Findings(core, threads, detectors, QUIET);
    this.words = detectors;
    this.sites = new SiteTable(facts);
    this.knowsRaces = parts.sites !== null;
    this.unsited = facts.unsited;
    this.i32 = core.cells.arena.i32;
    this.contexts = contextsOf(core, threads);
    const tasks = core.context.layout.regions.find(({ name }) => name === 'tasks')!;
    this.contextsBase = tasks.base;
    this.contextsEnd = tasks.base + tasks.stride * tasks.count;
    this.semaphores = semaphoresOf(core);
    this.races = new Races(detectors.subarray(racesAt), sizes, this.sites, findings);
    this.lockOrder = new LockOrder(detectors.subarray(orderAt, racesAt), findings);
    this.memory = new MemoryUse(core, this.contexts, findings);
  }

  /**
   * Chooses who watches.
   * @param flags - of the job
   * @returns whether anybody does
   */
  choose(flags: number): boolean {
    this.watchesRaces = (flags & WATCH_RACES) !== 0 && this.knowsRaces;
    this.watchesLocks = (flags & WATCH_LOCK_ORDER) !== 0;
    this.watchesMemory = (flags & WATCH_MEMORY) !== 0;
    this.framesFrom = this.watchesMemory ? this.memory.framesBase : Infinity;
    return this.watchesRaces || this.watchesLocks || this.watchesMemory;
  }

  begin(): void {
    this.words.fill(0, 0, ASKED + ASKED_WORDS * this.contexts.length);
    if (this.watchesRaces) this.races.begin();
    if (this.watchesLocks) this.lockOrder.begin();
  }

  step(task: number, kind: PointKind, object: number, site: Site): void {
    const { words } = this;
    if (words[QUIET] !== 0) return;
    const asked = words[ASKED + ASKED_WORDS * task]!;
    if (asked !== 0) {
      // Still waiting for it.
      if (kind === WAIT && object === asked) return;
      this.settle(task, asked);
    }
    if (object >= this.framesFrom) this.memory.touch(task, object, site);
    switch (kind) {
      case LOAD:
        if (this.watchesRaces && (site !== 0 || this.unsited)) this.races.load(task, object, site);
        break;
      case STORE:
        if (this.watchesRaces && (site !== 0 || this.unsited)) this.races.store(task, object, site);
        break;
      case ATOMIC:
        if (this.watchesRaces) this.atomic(task, object, site);
        break;
      case LOCK:
      case TRYLOCK:
        this.ask(task, kind, object, site);
        break;
      case UNLOCK:
        this.drop(task, object);
        break;
      case WAIT:
        if (this.watchesRaces) this.waited(task, object);
        break;
      case WAKE:
        if (this.watchesRaces) this.races.release(task, object);
        break;
      default:
        break;
    }
  }

  resume(task: number, object: number): void {
    const { words } = this;
    if (!this.watchesRaces || words[QUIET] !== 0 || words[ASKED + ASKED_WORDS * task] === object) return;
    this.races.acquire(task, object);
  }

  exit(task: number): void {
    const { words } = this;
    if (words[QUIET] !== 0) return;
    const asked = words[ASKED + ASKED_WORDS * task]!;
    if (asked !== 0) this.settle(task, asked);
    if (this.watchesMemory) this.memory.exit(task);
  }

  /** Orders of locks that contradict each other, but not within one schedule: a sentence each. */
  contradictions(): string[] {
    return this.lockOrder.contradictions();
  }

  private atomic(task: number, object: number, site: Site): void {
    const bits = this.sites.bitsOf(site);
    if ((bits & ATOMIC_STORE) === 0) this.races.acquire(task, object);
    if ((bits & ATOMIC_LOAD) === 0) this.races.release(task, object);
  }

  private ask(task: number, kind: PointKind, object: number, site: Site): void {
    const { words } = this;
    const place = ASKED + ASKED_WORDS * task;
    words[place] = object;
    words[place + 1] = site;
    words[place + 2] = kind;
  }

  /** A task has asked for a lock, and does something else now: it has taken it, or only tried. */
  private settle(task: number, object: number): void {
    const { words, i32 } = this;
    const place = ASKED + ASKED_WORDS * task;
    words[place] = 0;
    const context = this.contexts[task]!;
    const last = i32[context + HELD_COUNT]! - 1;
    if (last < 0 || i32[context + HELD_ADDRESS + last] !== object) return;
    if (this.watchesRaces) {
      this.races.acquire(task, object);
      if (this.isWritten(object)) this.races.acquire(task, object + READERS);
    }
    if (this.watchesLocks) {
      const lockClass = i32[context + HELD_CLASS + last]!;
      this.lockOrder.acquired(task, object, lockClass, words[place + 1]!, words[place + 2] === TRYLOCK);
    }
  }

  /** A task is about to drop a lock, or to leave a section under RCU. */
  private drop(task: number, object: number): void {
    if (this.watchesLocks) this.lockOrder.released(task, object);
    if (!this.watchesRaces) return;
    if (this.isContext(object)) {
      if (this.i32[this.contexts[task]! + RCU_NESTING] === 1) this.races.release(task, object);
    } else if (this.isSemaphore(object) && !this.isWritten(object)) {
      this.races.release(task, object + READERS);
    } else {
      this.races.release(task, object);
    }
  }

  /** A task looks whether it must wait, or waits. */
  private waited(task: number, object: number): void {
    if (!this.isContext(object)) {
      this.races.acquire(task, object);
      return;
    }
    // For readers under RCU: those that are through by now need no wait; those that are not are waited for one by one.
    const end = this.contextsEnd;
    for (let cell = this.contextsBase + 4 * RCU; cell < end; cell += 4 * TASK_WORDS)
      this.races.acquire(task, cell);
  }

  private isContext(object: number): boolean {
    return object >= this.contextsBase && object < this.contextsEnd;
  }

  private isSemaphore(object: number): boolean {
    const { semaphores } = this;
    for (let index = 0; index < semaphores.length; index += 2)
      if (object >= semaphores[index]! && object < semaphores[index + 1]!) return true;
    return false;
  }

  /** Whether an object is a semaphore that is held for writing. */
  private isWritten(object: number): boolean {
    return isHeldForWriting(this.i32[object >> 2]!) && this.isSemaphore(object);
  }
}

const NO_FACTS: SiteFacts = { racy: [], atomicLoads: [], atomicStores: [], unsited: false };

/** First words of the contexts of the threads; tasks may have other numbers than the threads of the scenario. */
function contextsOf({ context }: Core, threads: readonly string[]): Int32Array {
  const infos = context.tasks.list();
  return Int32Array.from(threads, (name) => {
    const id = infos.find((info) => info.name === name.slice(0, TASK_NAME_BYTES_MAX))?.id ?? 0;
    return context.tasks.addressOf(id) >> 2;
  });
}

function semaphoresOf({ context }: Core): Int32Array {
  const regions = context.layout.regions.filter(holdsRwSemaphores);
  return Int32Array.from(regions.flatMap(({ base, stride, count }) => [base, base + stride * count]));
}
