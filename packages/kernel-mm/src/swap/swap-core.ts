/**
 * The swap core of one thread: all its parts, put together.
 *
 * Promise: the parts hold views and addresses only; everything mutable lies in the arena. The exceptions are the operations of the floor above
 * and the functions that are told of free slots, which every thread sets for itself. A deliberately wrong variant replaces a method of one of
 * the parts, in every thread, before anything runs.
 */
import type { Layout } from '../arena/layout.js';
import type { Bios } from '../block/bio.js';
import type { BlockDevices } from '../block/device.js';
import { BlockDiscard } from '../block/discard.js';
import type { AtomicChainsPlace } from '../notifier/atomic-chain.js';
import type { NotifierBlocks } from '../notifier/blocks.js';
import type { PageAllocator } from '../page/page.js';
import type { Vmalloc } from '../page/vmalloc.js';
import type { Core } from '../sync/core.js';
import type { LockClasses } from '../sync/lock-classes.js';
import type { Trace } from '../trace/trace.js';
import { SlotAllocator } from './alloc.js';
import { layoutSwapClusters, SwapClusters, type SwapClustersRegions } from './clusters.js';
import { SlotCounts } from './counts.js';
import { layoutSwapDiscard, SwapDiscard, type SwapDiscardRegions } from './discard.js';
import { layoutSwapEvents, SwapEvents, type SwapEventsRegions } from './events.js';
import { FreeNotify } from './free-notify.js';
import {
  layoutSwapTable,
  SWAP_GLOBALS,
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
import { SwapSpaces } from './swap-spaces.js';
import { SwapOff } from './swapoff.js';
import { SwapOn, type SwapRandom } from './swapon.js';

/** Where the swap core lies. */
export interface SwapRegions {
  readonly table: SwapTableRegions;
  readonly events: SwapEventsRegions;
  readonly slotFreeChains: AtomicChainsPlace;
  readonly discard: SwapDiscardRegions;
  readonly clusters: SwapClustersRegions;
}

/** What the swap core stands on. */
export interface SwapCoreParts {
  readonly core: Core;
  /** From {@link layoutSwap}. */
  readonly regions: SwapRegions;
  readonly trace: Trace;
  /** Where swap maps come from. */
  readonly vmalloc: Vmalloc;
  /** Where the page for a header comes from. */
  readonly pages: PageAllocator;
  readonly devices: BlockDevices;
  readonly bios: Bios;
  readonly notifierBlocks: NotifierBlocks;
  /** How devices learn of freed slots; `'notify'` when not given. */
  readonly policy?: FreeSlotPolicy;
  /** Random numbers for swapon; the built-in ones, which the seed of the machine decides, when not given. */
  readonly random?: SwapRandom;
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
  };
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
  readonly discard: SwapDiscard;
  readonly clusters: SwapClusters;
  readonly counts: SlotCounts;
  readonly pages: SwapPages;
  readonly scanner: SlotScanner;
  readonly allocator: SlotAllocator;
  readonly list: SwapList;
  readonly events: SwapEvents;
  readonly on: SwapOn;
  readonly off: SwapOff;
  readonly report: SwapReport;

  /** @param parts - what it stands on */
  constructor(parts: SwapCoreParts) {
    const { core, regions, trace, vmalloc, pages, devices, bios } = parts;
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
    const discard = new SwapDiscard(table, regions.discard, block, windows);
    const clusters = new SwapClusters(table, regions.clusters, discard, vmalloc, name === 'discard-cluster');
    this.discard = discard;
    this.clusters = clusters;
    const found = { table, devices, freeNotify, slotFreeChains, spaces, discard, clusters };
    this.policy = createSlotFreePolicy(name, { core, trace, vmalloc, pages, bios, ...found });
    this.counts = new SlotCounts(table, trace, this.policy);
    this.pages = new SwapPages(table, this.counts);
    this.scanner = new SlotScanner(table, this.pages, discard, clusters);
    this.allocator = new SlotAllocator(table, this.scanner);
    const random = parts.random ?? null;
    const common = { table, list, events, trace, vmalloc, devices, clusters };
    this.on = new SwapOn({ ...common, pages, bios, discard, random });
    this.off = new SwapOff({ ...common, policy: this.policy });
    this.report = new SwapReport(table, devices);
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
