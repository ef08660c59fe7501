/**
 * The swap core of one thread: all its parts, put together.
 *
 * Promise: the parts hold views and addresses only; everything mutable lies in the arena. The exceptions are the operations of the floor above
 * and the functions that are told of free slots, which every thread sets for itself. A deliberately wrong variant replaces a method of one of
 * the parts, in every thread, before anything runs.
 */
import type { Layout, Region } from '../arena/layout.js';
import { PAGE_SIZE } from '../arena/memory.js';
import type { Bios } from '../block/bio.js';
import type { BlockDevices } from '../block/device.js';
import { BlockDiscard } from '../block/discard.js';
import type { FileSystem } from '../block/files.js';
import type { AtomicChainsPlace } from '../notifier/atomic-chain.js';
import type { NotifierBlocks } from '../notifier/blocks.js';
import type { PageAllocator } from '../page/page.js';
import type { Vmalloc } from '../page/vmalloc.js';
import { pagesFor } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import type { LockClasses } from '../sync/lock-classes.js';
import type { Trace } from '../trace/trace.js';
import { SlotAllocator } from './alloc.js';
import { layoutSwapClusters, SWAP_CLUSTER, SwapClusters, type SwapClustersRegions } from './clusters.js';
import { SWAP_MAP_PAGE, SwapCountContinuations } from './continuations.js';
import { SlotCounts } from './counts.js';
import { layoutSwapDiscard, SwapDiscard, type SwapDiscardRegions } from './discard.js';
import { layoutSwapEvents, SwapEvents, type SwapEventsRegions } from './events.js';
import { SwapExtents } from './extents.js';
import { FreeNotify } from './free-notify.js';
import { layoutHibernation, SwapHibernation } from './hibernation.js';
import {
  layoutSwapTable,
  SWAP_GLOBALS,
  SWAPFILE_CLUSTER,
  SwapTable,
  type SwapLayoutOptions,
  type SwapTableRegions,
} from './info.js';
import { SwapList } from './list.js';
import type { SwapCacheOps, SwapoffOps } from './operations.js';
import { SwapPages } from './pages.js';
import { createSlotFreePolicy } from './policies/create.js';
import type { FreeSlotPolicy, SlotFreePolicy } from './policy.js';
import { SwapReport } from './report.js';
import { SlotScanner } from './scan.js';
import { layoutSlotFreeChains, SlotFreeChains } from './slot-free-chains.js';
import { createSharedSlots } from './shared-slots.js';
import { SlotSummaries, summaryBytes } from './slot-summary.js';
import { SwapSpaces } from './swap-spaces.js';
import { SwapOff } from './swapoff.js';
import type { SwapRandom } from './swapon-area.js';
import { SwapOn } from './swapon.js';

/** Where the swap core lies. */
export interface SwapRegions {
  readonly table: SwapTableRegions;
  readonly events: SwapEventsRegions;
  readonly slotFreeChains: AtomicChainsPlace;
  readonly discard: SwapDiscardRegions;
  readonly clusters: SwapClustersRegions;
  readonly hibernation: Region;
}

/** What the swap core stands on. */
export interface SwapCoreParts {
  readonly core: Core;
  /** From {@link layoutSwap}. */
  readonly regions: SwapRegions;
  readonly trace: Trace;
  /** Where swap maps come from. */
  readonly vmalloc: Vmalloc;
  /** Where the page for a header comes from, and those for the higher digits of counts. */
  readonly pages: PageAllocator;
  readonly devices: BlockDevices;
  readonly bios: Bios;
  /** What paths name. */
  readonly files: FileSystem;
  readonly notifierBlocks: NotifierBlocks;
  /** How devices learn of freed slots; `'notify'` when not given. */
  readonly policy?: FreeSlotPolicy;
  /** Random numbers for swapon; the built-in ones, which the seed of the machine decides, when not given. */
  readonly random?: SwapRandom;
  /** Whether areas get a summary of their map; true when not given. Without one every search reads the map byte by byte. */
  readonly slotSummary?: boolean;
}

/**
 * Reserves everything the swap core needs, except the maps, which come from table memory.
 * @param layout - not yet sealed
 * @param classes - gets `swap_lock`, `swapon_mutex`, `swap_unplug_sem` and those of the notifier chains
 * @param options - how many areas there can be
 */
export function layoutSwap(
  layout: Layout,
  classes: LockClasses,
  options: SwapLayoutOptions = {},
): SwapRegions {
  const table = layoutSwapTable(layout, classes, options);
  return {
    table,
    events: layoutSwapEvents(layout, classes),
    slotFreeChains: layoutSlotFreeChains(layout, classes, table.maxSwapfiles),
    discard: layoutSwapDiscard(layout),
    clusters: layoutSwapClusters(layout),
    hibernation: layoutHibernation(layout),
  };
}

/**
 * Table memory that an area takes: its map, the summary of it, the heads of its continuation pages, and its table of clusters.
 * @param slots - of the area, the header included
 * @returns bytes, each table in whole pages
 */
export function areaTableBytes(slots: number): number {
  const heads = Math.ceil(slots / PAGE_SIZE) * SWAP_MAP_PAGE.$bytes;
  const clusters = Math.ceil(slots / SWAPFILE_CLUSTER) * SWAP_CLUSTER.$bytes;
  return (pagesFor(slots) + pagesFor(summaryBytes(slots)) + pagesFor(heads) + pagesFor(clusters)) * PAGE_SIZE;
}

/** The swap core as one thread sees it. */
export class SwapCore {
  readonly table: SwapTable;
  readonly freeNotify: FreeNotify;
  /** The chains of freed slots; used under the policy `chain`. */
  readonly slotFreeChains: SlotFreeChains;
  /** The address spaces of the areas; used under the policy `address-space`. */
  readonly spaces: SwapSpaces;
  /** How devices learn of freed slots. */
  readonly policy: SlotFreePolicy;
  /** Where the slots of the areas lie on their devices. */
  readonly extents: SwapExtents;
  readonly discard: SwapDiscard;
  readonly clusters: SwapClusters;
  readonly summaries: SlotSummaries;
  /** The higher digits of counts. */
  readonly continuations: SwapCountContinuations;
  readonly counts: SlotCounts;
  readonly pages: SwapPages;
  readonly scanner: SlotScanner;
  readonly allocator: SlotAllocator;
  readonly list: SwapList;
  readonly events: SwapEvents;
  readonly on: SwapOn;
  readonly off: SwapOff;
  readonly report: SwapReport;
  readonly hibernation: SwapHibernation;

  /** @param parts - what it stands on */
  constructor(parts: SwapCoreParts) {
    const { core, regions, trace, vmalloc, pages, devices, bios, files } = parts;
    const table = new SwapTable(core, regions.table);
    const list = new SwapList(table);
    const name = parts.policy ?? 'notify';
    const blocks = parts.notifierBlocks;
    const slotFreeChains = new SlotFreeChains(core, table, regions.slotFreeChains, blocks);
    const chainsInUse = name === 'chain' ? slotFreeChains : null;
    const events = new SwapEvents(core, regions.events, blocks, chainsInUse, trace);
    this.table = table;
    this.list = list;
    this.events = events;
    this.freeNotify = new FreeNotify(core, table);
    this.slotFreeChains = slotFreeChains;
    this.spaces = new SwapSpaces(core, table);
    const { freeNotify, spaces } = this;
    // Later kernels discard when slots are freed, instead of when they are used again.
    const windows = name !== 'discard-cluster' && name !== 'discard-slot';
    const block = new BlockDiscard(core, devices, bios, pages);
    const extents = new SwapExtents(table, vmalloc, files, trace);
    this.extents = extents;
    const discard = new SwapDiscard(extents, regions.discard, block, windows);
    const summaries = new SlotSummaries(table, vmalloc, parts.slotSummary ?? true);
    this.summaries = summaries;
    const keepClusters = name === 'discard-cluster';
    const clusters = new SwapClusters(table, regions.clusters, discard, vmalloc, summaries, keepClusters);
    this.discard = discard;
    this.clusters = clusters;
    const found = { table, devices, freeNotify, slotFreeChains, spaces, discard, clusters };
    this.policy = createSlotFreePolicy(name, { core, trace, vmalloc, pages, bios, ...found });
    const continuations = new SwapCountContinuations(table, pages, vmalloc);
    this.continuations = continuations;
    this.counts = new SlotCounts(
      table,
      trace,
      this.policy,
      continuations,
      summaries,
      createSharedSlots(core, table),
    );
    this.pages = new SwapPages(table, this.counts);
    this.scanner = new SlotScanner(table, this.pages, discard, clusters, summaries, trace);
    this.allocator = new SlotAllocator(table, this.scanner);
    const random = parts.random ?? null;
    const common = {
      table,
      list,
      events,
      trace,
      vmalloc,
      devices,
      files,
      extents,
      clusters,
      continuations,
      summaries,
    };
    this.on = new SwapOn({ ...common, pages, discard, random });
    this.off = new SwapOff({ ...common, policy: this.policy });
    this.report = new SwapReport(table, files);
    const { allocator, counts } = this;
    const forImages = { table, allocator, counts, extents, devices, pages };
    this.hibernation = new SwapHibernation(regions.hibernation, forImages);
  }

  /**
   * Starts the built-in random numbers. Called once in the life of a machine, by its creator.
   * @param seed - any integer
   */
  boot(seed: number): void {
    this.table.cells.st32(this.table.globals + SWAP_GLOBALS.randomState, seed | 0);
  }

  /**
   * Connects the floors above. Called once per thread, at attach.
   * @param cache - the swap cache
   * @param swapoff - what swapoff needs
   */
  setOperations(cache: SwapCacheOps, swapoff: SwapoffOps): void {
    this.pages.cache = cache;
    this.off.operations = swapoff;
  }
}
