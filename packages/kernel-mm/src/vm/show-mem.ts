/**
 * The state of memory, line by line in the kernel log: what the out-of-memory killer says before it chooses. @kernel lib/show_mem.c, 2.6.34
 *
 * The lines are those of the original with the numbers that there are here, in its order: no files, no slab, one zone. The last line is ours: pages
 * that are neither free nor a process's nor a copy of a slot are held by drivers, the pools of compressed RAM disks above all. Where that number
 * is large, it is what explains the squeeze.
 *
 * Takes no lock: the numbers are read one after the other, and together are exact only while nobody else allocates.
 */
import { PAGE_SHIFT } from '../arena/memory.js';
import type { Frames } from '../page/frames.js';
import type { ReclaimList } from '../page/lru.js';
import type { SwapCore } from '../swap/swap-core.js';
import { KERN_WARNING } from '../trace/events.js';
import type { Trace } from '../trace/trace.js';
import type { MemoryReport } from './memory-report.js';
import type { Reclaim } from './reclaim.js';

/** Pages in KiB, as the log writes them. */
function kib(pages: number): string {
  return `${pages << (PAGE_SHIFT - 10)}kB`;
}

/** Writes the state of memory, for one thread. */
export class ShowMem {
  private readonly frames: Frames;
  private readonly reclaimList: ReclaimList;
  private readonly swap: SwapCore;
  private readonly reclaim: Reclaim;
  private readonly report: MemoryReport;
  private readonly trace: Trace;

  /** @param parts - what it reports on, and the log */
  constructor(parts: {
    readonly frames: Frames;
    readonly reclaimList: ReclaimList;
    readonly swap: SwapCore;
    readonly reclaim: Reclaim;
    readonly report: MemoryReport;
    readonly trace: Trace;
  }) {
    this.frames = parts.frames;
    this.reclaimList = parts.reclaimList;
    this.swap = parts.swap;
    this.reclaim = parts.reclaim;
    this.report = parts.report;
    this.trace = parts.trace;
  }

  /** Writes it. @kernel lib/show_mem.c show_mem and mm/page_alloc.c show_free_areas, 2.6.34 */
  showMem(): void {
    const { frames, free, min, low, high } = this.frames.info();
    const active = this.reclaimList.activeCount();
    const inactive = this.reclaimList.inactiveCount();
    const isolated = this.reclaim.isolatedPages();
    this.say('Mem-Info:');
    this.say(`active_anon:${active} inactive_anon:${inactive} isolated_anon:${isolated}`);
    this.say(` free:${free}`);
    this.say(
      `Normal free:${kib(free)} min:${kib(min)} low:${kib(low)} high:${kib(high)}` +
        ` active_anon:${kib(active)} inactive_anon:${kib(inactive)} isolated(anon):${kib(isolated)} present:${kib(frames)}`,
    );
    this.report.showSwapCacheInfo();
    this.say(`${frames} pages RAM`);
    this.say(`${this.pagesOfDrivers()} pages held by drivers`);
  }

  /** Pages that are neither free, nor charged to processes or the swap cache, nor part of the counts of slots. */
  pagesOfDrivers(): number {
    const { frames, free, charged } = this.frames.info();
    return Math.max(0, frames - free - charged - this.continuationPages());
  }

  private continuationPages(): number {
    const { continuations, table } = this.swap;
    table.swapLock.lock();
    try {
      return continuations.livePages();
    } finally {
      table.swapLock.unlock();
    }
  }

  private say(line: string): void {
    this.trace.printk(line, KERN_WARNING);
  }
}
