/**
 * Page frames, reclaim list and table memory on a bare core, for tests of that floor alone.
 *
 * `createPageMachine()` makes it and boots it; `attachPageMachine(handle)` attaches another thread.
 */
import type { Layout } from '#src/arena/layout.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { Frames, layoutFrames } from '#src/page/frames.js';
import { layoutReclaimList, ReclaimList } from '#src/page/lru.js';
import { layoutVmalloc, TableMemory } from '#src/page/vmalloc.js';
import type { LockClasses } from '#src/sync/lock-classes.js';
import { layoutLocks, SpinLock } from '#src/sync/locks.js';
import {
  attachTestCore,
  createTestCore,
  type TestCore,
  type TestCoreHandle,
  type TestCoreOptions,
} from '../support/core.js';

/** Frames of the machine: `min` is 8 of them, as {@link WATERMARK_MIN} says. */
export const FRAMES = 64;
/** An eighth of so small a memory. */
export const WATERMARK_MIN = 8;
/** Pages of table memory. */
export const TABLE_PAGES = 16;

function build(layout: Layout, classes: LockClasses) {
  return {
    frames: layoutFrames(layout, classes, FRAMES * PAGE_SIZE),
    list: layoutReclaimList(layout, classes),
    vmalloc: layoutVmalloc(layout, classes, TABLE_PAGES * PAGE_SIZE),
    // A lock of no meaning, to be held where no lock may be held.
    other: layoutLocks(layout, 'other_lock'),
    otherClass: classes.define('other_lock'),
  };
}

type Regions = ReturnType<typeof build>;

/** One thread's view. */
export class PageMachine {
  readonly test: TestCore<Regions>;
  readonly list: ReclaimList;
  readonly frames: Frames;
  readonly tables: TableMemory;
  readonly otherLock: SpinLock;

  constructor(test: TestCore<Regions>) {
    const { core, regions } = test;
    this.test = test;
    this.list = new ReclaimList(core, regions.list);
    this.frames = new Frames(core, regions.frames, this.list);
    this.tables = new TableMemory(core, regions.vmalloc);
    this.otherLock = new SpinLock(core.locks, regions.other.base, regions.otherClass);
  }

  /** Takes pages until there are none left. */
  takeAll(gfp: number): number[] {
    const pages: number[] = [];
    for (let page = this.frames.allocPage(gfp); page !== 0; page = this.frames.allocPage(gfp))
      pages.push(page);
    return pages;
  }

  /** Broken invariants of the floor, nobody else running. */
  broken(): string[] {
    return [...this.frames.checkInvariants(), ...this.list.checkInvariants()];
  }
}

/** Makes a machine and attaches the calling thread. */
export function createPageMachine(limitPages = 0, options: TestCoreOptions = {}): PageMachine {
  const machine = new PageMachine(createTestCore(build, options));
  machine.frames.boot(limitPages);
  return machine;
}

/** Attaches another thread. */
export function attachPageMachine(handle: TestCoreHandle, options: TestCoreOptions = {}): PageMachine {
  return new PageMachine(attachTestCore(build, handle, options));
}
