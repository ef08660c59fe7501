/**
 * The vm of a machine, put together: page frames are below it, the façade above.
 *
 * Lock order of the whole, outermost first:
 *
 *   oom_lock -> mmap_sem -> page_lock -> anon_vma_lock -> page_table_lock -> swap_lock -> tree_lock -> (driver locks) -> lru_lock -> zone_lock
 *
 * `vmalloc_lock` and `mmlist_lock` stand beside: nothing above is taken under them.
 */
import type { Layout, Region } from '../arena/layout.js';
import type { BlockLayer } from '../block/block-layer.js';
import type { Frames } from '../page/frames.js';
import type { ReclaimList } from '../page/lru.js';
import type { Vmalloc } from '../page/vmalloc.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Core } from '../sync/core.js';
import type { LockClasses } from '../sync/lock-classes.js';
import type { Trace } from '../trace/trace.js';
import { Access } from './access.js';
import { AddressSpaces } from './address-spaces.js';
import { layoutAddressSpaces, type AddressSpacesLayout } from './mm.js';
import { Faults } from './fault.js';
import { Fork } from './fork.js';
import { Kswapd, layoutKswapd, type KswapdLayout } from './kswapd.js';
import { MemoryReport } from './memory-report.js';
import { layoutOom, OutOfMemory, type OomLayout } from './oom.js';
import { PageIo } from './page-io.js';
import { Readahead } from './readahead.js';
import { Reclaim } from './reclaim.js';
import { ReverseMap } from './rmap.js';
import { ShowMem } from './show-mem.js';
import { ShrinkPage } from './shrink-page.js';
import { layoutReclaim, ShrinkZone } from './shrink-zone.js';
import { layoutVmEvents, VmEvents } from './stats.js';
import { layoutSwapCache, SwapCache, type SwapCacheLayout } from './swap-cache.js';
import { Unuse } from './unuse.js';
import { Zap } from './zap.js';

/** Regions of the vm. */
export interface VmLayout {
  readonly cache: SwapCacheLayout;
  readonly spaces: AddressSpacesLayout;
  readonly reclaim: Region;
  readonly kswapd: KswapdLayout;
  readonly oom: OomLayout;
  readonly events: Region;
}

/**
 * Reserves the vm.
 * @param layout - not yet sealed
 * @param classes - the machine's lock classes
 * @param frameCount - number of page frames
 * @param addressSpaces - most address spaces at one time
 */
export function layoutVm(
  layout: Layout,
  classes: LockClasses,
  frameCount: number,
  addressSpaces: number,
): VmLayout {
  return {
    cache: layoutSwapCache(layout, classes, frameCount),
    spaces: layoutAddressSpaces(layout, classes, addressSpaces),
    reclaim: layoutReclaim(layout),
    kswapd: layoutKswapd(layout),
    oom: layoutOom(layout, classes),
    events: layoutVmEvents(layout),
  };
}

/** The vm as one thread sees it. */
export class Vm {
  readonly cache: SwapCache;
  readonly spaces: AddressSpaces;
  readonly events: VmEvents;
  readonly io: PageIo;
  readonly rmap: ReverseMap;
  /** What reclaim does with one page. */
  readonly shrinkPage: ShrinkPage;
  /** One pass of reclaim over the lists. */
  readonly zone: ShrinkZone;
  readonly reclaim: Reclaim;
  readonly kswapd: Kswapd;
  readonly readahead: Readahead;
  readonly faults: Faults;
  readonly zap: Zap;
  readonly fork: Fork;
  readonly report: MemoryReport;
  /** Ends a process when there is no page left. */
  readonly oom: OutOfMemory;
  readonly access: Access;
  /** Bringing pages home at swapoff. */
  readonly unuse: Unuse;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutVm}
   * @param parts - the floors below
   * @param options - from the configuration of the machine
   */
  constructor(
    core: Core,
    regions: VmLayout,
    parts: {
      readonly frames: Frames;
      readonly reclaimList: ReclaimList;
      readonly vmalloc: Vmalloc;
      readonly block: BlockLayer;
      readonly swap: SwapCore;
      readonly trace: Trace;
    },
    options: { readonly pageCluster: number },
  ) {
    const { frames, reclaimList, vmalloc, swap, trace } = parts;
    const { bios, devices, failing } = parts.block;
    this.events = new VmEvents(core, regions.events);
    this.cache = new SwapCache(core, regions.cache, { frames, reclaimList, swap });
    this.spaces = new AddressSpaces(core, regions.spaces, { frames, vmalloc });
    const { cache, spaces, events } = this;
    this.io = new PageIo(core, { frames, reclaimList, bios, devices, failing, swap, cache, events, trace });
    this.rmap = new ReverseMap(core, { frames, spaces, swap, cache });
    const { io, rmap } = this;
    this.shrinkPage = new ShrinkPage(core, { frames, swap, cache, rmap, io, events });
    const { shrinkPage } = this;
    const scanned = { frames, reclaimList, swap, cache, rmap, shrinkPage, events };
    this.zone = new ShrinkZone(core, regions.reclaim, scanned);
    const { zone } = this;
    this.reclaim = new Reclaim(core, { frames, reclaimList, swap, zone, events, trace });
    this.kswapd = new Kswapd(core, regions.kswapd, { frames, zone, events, trace });
    this.readahead = new Readahead({ frames, swap, events }, options.pageCluster);
    const { reclaim, readahead } = this;
    this.faults = new Faults(core, {
      frames,
      reclaimList,
      spaces,
      swap,
      cache,
      io,
      reclaim,
      readahead,
      events,
      trace,
    });
    this.zap = new Zap(core, { frames, spaces, swap, cache });
    this.fork = new Fork(core, { spaces, swap, zap: this.zap, events });
    this.report = new MemoryReport({ frames, reclaimList, swap, cache, spaces, zone, events, trace });
    const { faults, zap, report } = this;
    const memory = new ShowMem({ frames, reclaimList, swap, reclaim, report, trace });
    this.oom = new OutOfMemory(core, regions.oom, {
      frames,
      table: swap.table,
      spaces,
      zap,
      events,
      memory,
      trace,
    });
    this.access = new Access(core, { frames, spaces, faults, zap, oom: this.oom, events });
    frames.setReclaimer(this.reclaim);
    this.unuse = new Unuse(core, { frames, reclaimList, spaces, swap, cache, io, faults, zap, events });
    swap.setOperations(cache, this.unuse);
  }
}
