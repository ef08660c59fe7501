/**
 * A machine without a machine: the lower floors, page frames and one pool, in private memory and for one thread. This is all the allocator
 * stands on, so a replay of its traces shows its behaviour and nobody else's.
 */
import {
  Cells,
  Context,
  createArena,
  createPageBytes,
  Frames,
  Layout,
  layoutFrames,
  layoutLockStats,
  layoutPanic,
  layoutReclaimList,
  layoutSymbols,
  layoutTasks,
  LockClasses,
  Locks,
  LockStats,
  Panic,
  ReclaimList,
  Symbols,
  Tasks,
  WAIT_LIMIT_MS_DEFAULT,
  type Core,
  type PageAllocator,
} from '@swaplab/kernel-mm';
import { createXvPool, layoutXvPool, XV_LOCATION, type XvPool } from '@swaplab/ramzswap';

/**
 * Page frames whose pages have serial numbers: 0, 1, 2, ... in the order in which they were asked for. A serial number is never used
 * twice; a request that fails uses none up.
 */
export class SerialPages implements PageAllocator {
  /** Requests granted so far, which is also the next serial number. */
  requested = 0;
  /** Serial number of the page that was given back last, -1 for none; the replay sets it back. */
  lastFreed = -1;
  private readonly frames: Frames;
  private readonly serialOf = new Map<number, number>();
  private readonly pageOf = new Map<number, number>();

  /** @param frames - where the pages come from */
  constructor(frames: Frames) {
    this.frames = frames;
  }

  allocPage(gfp: number): number {
    const page = this.frames.allocPage(gfp);
    if (page === 0) return 0;
    this.serialOf.set(page, this.requested);
    this.pageOf.set(this.requested, page);
    this.requested++;
    return page;
  }

  freePage(page: number): void {
    this.lastFreed = this.serial(page);
    this.serialOf.delete(page);
    this.pageOf.delete(this.lastFreed);
    this.frames.freePage(page);
  }

  addressOf(page: number): number {
    return this.frames.addressOf(page);
  }

  frameNumber(page: number): number {
    return this.frames.frameNumber(page);
  }

  /**
   * Lets the next requests fail; replaces an earlier number.
   * @param requests - how many
   */
  failNext(requests: number): void {
    this.frames.failNextRequests(requests);
  }

  /** Pages that were asked for here and are not given back. */
  live(): number {
    return this.serialOf.size;
  }

  /** Serial number of a page, -1 when it was not asked for here or is given back. */
  serial(page: number): number {
    return this.serialOf.get(page) ?? -1;
  }

  /** Page with a serial number, 0 when there is none or it is given back. */
  page(serial: number): number {
    return this.pageOf.get(serial) ?? 0;
  }
}

/** What a replay of the allocator works on. */
export interface BarePool {
  readonly core: Core;
  readonly pages: SerialPages;
  readonly pool: XvPool;
  /** Address of the two cells {@link XvPool.malloc} answers in. */
  readonly location: number;
}

/**
 * Makes a pool on fresh memory.
 * @param ramBytes - size of the modelled memory, a multiple of the page size
 * @param wasm - whether its critical sections are in WASM, where the platform has it
 */
export function createBarePool(ramBytes: number, wasm: boolean): BarePool {
  const layout = new Layout();
  const classes = new LockClasses();
  const regions = {
    tasks: layoutTasks(layout),
    panic: layoutPanic(layout),
    symbols: layoutSymbols(layout),
    stats: layoutLockStats(layout),
    reclaimList: layoutReclaimList(layout, classes),
    frames: layoutFrames(layout, classes, ramBytes),
    pool: layoutXvPool(layout, classes, 'xv_pools', 1),
    location: layout.structs('hot', 'location', XV_LOCATION, 1),
  };
  layout.seal();
  const arena = createArena(layout.totalBytes(), false);
  const cells = new Cells(arena, createPageBytes(arena, wasm));
  const tasks = new Tasks(arena, regions.tasks);
  const context = new Context(
    cells,
    {
      tasks,
      panic: new Panic(arena, regions.panic),
      classes,
      stats: new LockStats(arena, regions.stats, classes),
      layout,
    },
    { mayWait: false, clock: null, lockStats: false, waitLimitMs: WAIT_LIMIT_MS_DEFAULT, control: null },
    tasks.claim('replay'),
  );
  const core: Core = {
    cells,
    context,
    locks: new Locks(context),
    symbols: new Symbols(arena, regions.symbols),
  };
  const frames = new Frames(core, regions.frames, new ReclaimList(core, regions.reclaimList));
  frames.boot(0);
  const pages = new SerialPages(frames);
  const pool = createXvPool(core, pages, regions.pool, 0);
  pool.create();
  return { core, pages, pool, location: regions.location.base };
}
