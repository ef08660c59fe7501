/**
 * The vm of a machine, put together: page frames are below it, the façade above.
 *
 * Lock order of the whole, outermost first:
 *
 *   mmap_sem -> page_lock -> anon_vma_lock -> page_table_lock -> swap_lock -> tree_lock -> (driver locks) -> lru_lock -> zone_lock
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
import { MemoryReport } from './memory-report.js';
import { PageIo } from './page-io.js';
import { layoutReclaim, Reclaim } from './reclaim.js';
import { ReverseMap } from './rmap.js';
import { layoutVmEvents, VmEvents } from './stats.js';
import { layoutSwapCache, SwapCache, type SwapCacheLayout } from './swap-cache.js';
import { Unuse } from './unuse.js';
import { Zap } from './zap.js';

/** Regions of the vm. */
export interface VmLayout {
  readonly cache: SwapCacheLayout;
  readonly spaces: AddressSpacesLayout;
  readonly reclaim: Region;
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
  readonly reclaim: Reclaim;
  readonly faults: Faults;
  readonly zap: Zap;
  readonly fork: Fork;
  readonly access: Access;
  readonly report: MemoryReport;
  /** Bringing pages home at swapoff. */
  readonly unuse: Unuse;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutVm}
   * @param parts - the floors below
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
  ) {
    const { frames, reclaimList, vmalloc, swap, trace } = parts;
    const { bios, devices } = parts.block;
    this.events = new VmEvents(core, regions.events);
    this.cache = new SwapCache(core, regions.cache, { frames, reclaimList, swap });
    this.spaces = new AddressSpaces(core, regions.spaces, { frames, vmalloc });
    const { cache, spaces, events } = this;
    this.io = new PageIo(core, { frames, bios, devices, swap, cache, events, trace });
    this.rmap = new ReverseMap(core, { frames, spaces, swap, cache });
    const { io, rmap } = this;
    this.reclaim = new Reclaim(core, regions.reclaim, { frames, reclaimList, swap, cache, rmap, io, events });
    const { reclaim } = this;
    this.faults = new Faults(core, { frames, reclaimList, spaces, swap, cache, io, reclaim, events });
    this.zap = new Zap(core, { frames, spaces, swap, cache });
    this.fork = new Fork(core, { spaces, swap, zap: this.zap, events });
    this.access = new Access(core, { frames, spaces, faults: this.faults, zap: this.zap, events });
    this.report = new MemoryReport({ frames, swap, cache, spaces, trace });
    frames.setReclaimer(this.reclaim);
    const { faults, zap } = this;
    this.unuse = new Unuse(core, { frames, spaces, swap, cache, io, faults, zap, events });
    swap.setOperations(cache, this.unuse);
  }
}
