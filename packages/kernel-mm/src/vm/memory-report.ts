/**
 * What the memory manager tells about itself: the numbers of `/proc/meminfo`, the counters of `/proc/vmstat`,
 * a process's share of swap, and SysRq-m.
 *
 * Numbers are read one after the other; together they are exact only while nobody else swaps. Each function says which lock it takes.
 */
import type { Frames } from '../page/frames.js';
import type { ReclaimList } from '../page/lru.js';
import {
  formatMeminfo,
  formatProcSwaps,
  swapCacheInfoLines,
  vmSwapLine,
  type MeminfoPages,
} from '../swap/proc.js';
import type { SwapCore } from '../swap/swap-core.js';
import { KERN_WARNING } from '../trace/events.js';
import type { Trace } from '../trace/trace.js';
import type { AddressSpaces } from './address-spaces.js';
import type { ShrinkZone } from './shrink-zone.js';
import type { VmEvents } from './stats.js';
import type { SwapCache } from './swap-cache.js';
import { formatVmstat, vmstatRows } from './vmstat.js';

/** Reports of one thread. */
export class MemoryReport {
  private readonly frames: Frames;
  private readonly list: ReclaimList;
  private readonly swap: SwapCore;
  private readonly cache: SwapCache;
  private readonly spaces: AddressSpaces;
  private readonly zone: ShrinkZone;
  private readonly events: VmEvents;
  private readonly trace: Trace;

  /** @param parts - what it reports on, and the log */
  constructor(parts: {
    readonly frames: Frames;
    readonly reclaimList: ReclaimList;
    readonly swap: SwapCore;
    readonly cache: SwapCache;
    readonly spaces: AddressSpaces;
    readonly zone: ShrinkZone;
    readonly events: VmEvents;
    readonly trace: Trace;
  }) {
    this.frames = parts.frames;
    this.list = parts.reclaimList;
    this.swap = parts.swap;
    this.cache = parts.cache;
    this.spaces = parts.spaces;
    this.zone = parts.zone;
    this.events = parts.events;
    this.trace = parts.trace;
  }

  /** The numbers of `/proc/meminfo`. Takes `swap_lock`. @kernel fs/proc/meminfo.c meminfo_proc_show, 2.6.34 */
  meminfo(): MeminfoPages {
    const { frames, free } = this.frames.info();
    const { totalPages, freePages } = this.swap.report.siSwapinfo();
    return {
      memTotal: frames,
      memFree: free,
      swapCached: this.cache.info().pages,
      activeAnon: this.list.activeCount(),
      inactiveAnon: this.list.inactiveCount(),
      swapTotal: totalPages,
      swapFree: freePages,
    };
  }

  /** `/proc/meminfo`, as far as it is modelled. Takes `swap_lock`. @kernel fs/proc/meminfo.c meminfo_proc_show, 2.6.34 */
  meminfoText(): string {
    return formatMeminfo(this.meminfo());
  }

  /** `/proc/vmstat`, as far as it is modelled. Takes no lock. @kernel mm/vmstat.c vmstat_show, 2.6.34 */
  vmstatText(): string {
    const zone = {
      free: this.frames.freePages(),
      inactive: this.list.inactiveCount(),
      active: this.list.activeCount(),
      isolated: this.zone.isolatedPages(),
    };
    return formatVmstat(vmstatRows(zone, this.events.sums()));
  }

  /** `/proc/swaps`. Takes `swapon_mutex` for the whole read; may sleep. @kernel mm/swapfile.c swap_show, 2.6.34 */
  swapsText(): string {
    return formatProcSwaps(this.swap.report.procSwaps());
  }

  /**
   * The swap line of a process's status.
   * @param mm - a living address space
   * @kernel fs/proc/task_mmu.c task_mem, 2.6.34
   */
  vmSwapText(mm: number): string {
    return vmSwapLine(this.spaces.info(mm).swapents);
  }

  /** Writes the state of the swap cache into the kernel log. Takes no lock. @kernel mm/swap_state.c show_swap_cache_info, 2.6.34 */
  showSwapCacheInfo(): void {
    const { table } = this.swap;
    const lines = swapCacheInfoLines(this.cache.info(), table.nrSwapPages(), table.totalSwapPages());
    for (const line of lines) this.trace.printk(line, KERN_WARNING);
  }
}
