/**
 * A machine for tests of the swap core: all floors below it, three RAM disks, a solid-state disk, and a swap cache that a test drives itself.
 * `ram2` is for files, if a test wants some.
 *
 * `createSwapMachine()` makes it; `attachSwapMachine(handle)` attaches another thread.
 */
import { layoutBlock, BlockLayer } from '#src/block/block-layer.js';
import { BLOCK_DEVICE, BLOCK_NONROTATIONAL, SECTORS_PER_PAGE } from '#src/block/device.js';
import { INODE, type FileConfig } from '#src/block/files.js';
import { layoutNotifierBlocks, NotifierBlocks } from '#src/notifier/blocks.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { Layout } from '#src/arena/layout.js';
import { Frames, layoutFrames } from '#src/page/frames.js';
import { layoutReclaimList, ReclaimList } from '#src/page/lru.js';
import { GFP_KERNEL } from '#src/page/page.js';
import { layoutVmalloc, TableMemory } from '#src/page/vmalloc.js';
import { swpEntry, swpOffset, swpType, type SwapEntry } from '#src/swap/entries.js';
import { SWAP_GLOBALS, SWAP_INFO } from '#src/swap/info.js';
import { checkSwapInvariants } from '#src/swap/invariants.js';
import type { SwapCacheOps, SwapoffOps } from '#src/swap/operations.js';
import { MakeSwap } from '#src/swap/mkswap.js';
import type { FreeSlotPolicy } from '#src/swap/policy.js';
import { layoutSwap, SwapCore } from '#src/swap/swap-core.js';
import type { SwapRandom } from '#src/swap/swapon-area.js';
import type { LockClasses } from '#src/sync/lock-classes.js';
import { layoutTrace } from '#src/trace/rings.js';
import { TraceReader } from '#src/trace/reader.js';
import { Trace } from '#src/trace/trace.js';
import {
  attachTestCore,
  createTestCore,
  type TestCore,
  type TestCoreHandle,
  type TestCoreOptions,
} from '../support/core.js';

/** Pages of each disk. */
export const DISK_PAGES = 256;
/** Pages of table memory of an area as small as these: its map, its summary, and the heads of its continuation pages. */
export const AREA_TABLES = 3;
const FRAMES = 64;
const TABLE_BYTES = 1024 * 1024;

/** Fields of an area that tests look at by name. */
export type AreaField = Exclude<keyof typeof SWAP_INFO, '$bytes' | '$name' | '$fields'>;

const SIGNED: ReadonlySet<AreaField> = new Set<AreaField>(['prio', 'next', 'type']);

function build(layout: Layout, classes: LockClasses, files: readonly FileConfig[] = []) {
  return {
    swap: layoutSwap(layout, classes, {}),
    trace: layoutTrace(layout, 16_384),
    frames: layoutFrames(layout, classes, FRAMES * PAGE_SIZE),
    reclaimList: layoutReclaimList(layout, classes),
    vmalloc: layoutVmalloc(layout, classes, TABLE_BYTES),
    notifierBlocks: layoutNotifierBlocks(layout),
    block: layoutBlock(
      layout,
      classes,
      [
        { name: 'ram0', bytes: DISK_PAGES * PAGE_SIZE },
        { name: 'ram1', bytes: DISK_PAGES * PAGE_SIZE },
        { name: 'ssd0', bytes: DISK_PAGES * PAGE_SIZE, flags: BLOCK_NONROTATIONAL },
        { name: 'ram2', bytes: DISK_PAGES * PAGE_SIZE },
      ],
      files,
    ),
  };
}

type Regions = ReturnType<typeof build>;
type DiskName = 'ram0' | 'ram1' | 'ssd0' | 'ram2';

/** A page of the modelled cache. */
export interface ModelPage {
  readonly entry: SwapEntry;
  locked: boolean;
  writeback: boolean;
  mapped: boolean;
  dirty: boolean;
  references: number;
  inCache: boolean;
}

/** A swap cache without frames: a page is a number, its state is in a map. */
export class ModelCache implements SwapCacheOps {
  readonly pages = new Map<number, ModelPage>();
  private readonly byEntry = new Map<SwapEntry, number>();
  private readonly swap: SwapCore;
  private nextPage = 64;
  /** Look-ups so far. */
  lookups = 0;

  constructor(swap: SwapCore) {
    this.swap = swap;
  }

  /** Puts a page for an entry into the cache; the map byte is the caller's business. */
  add(entry: SwapEntry, state: { locked?: boolean; writeback?: boolean; mapped?: boolean } = {}): number {
    const page = this.nextPage;
    this.nextPage += 64;
    const { locked = false, writeback = false, mapped = false } = state;
    this.pages.set(page, { entry, locked, writeback, mapped, dirty: false, references: 1, inCache: true });
    this.byEntry.set(entry, page);
    return page;
  }

  /** The page of an entry, without a reference; 0 for none. */
  find(entry: SwapEntry): number {
    return this.byEntry.get(entry) ?? 0;
  }

  of(page: number): ModelPage {
    const state = this.pages.get(page);
    if (state === undefined) throw new Error(`no page ${page}`);
    return state;
  }

  lookup(entry: SwapEntry): number {
    this.lookups++;
    const page = this.find(entry);
    if (page !== 0) this.of(page).references++;
    return page;
  }

  tryLockPage(page: number): boolean {
    const state = this.of(page);
    if (state.locked) return false;
    state.locked = true;
    return true;
  }

  unlockPage(page: number): void {
    this.of(page).locked = false;
  }

  putPage(page: number): void {
    const state = this.of(page);
    state.references--;
    if (state.references === 0) this.pages.delete(page);
  }

  isSwapCache(page: number): boolean {
    return this.of(page).inCache;
  }

  isWriteback(page: number): boolean {
    return this.of(page).writeback;
  }

  isMapped(page: number): boolean {
    return this.of(page).mapped;
  }

  mapcount(page: number): number {
    return this.of(page).mapped ? 1 : 0;
  }

  swapEntryOf(page: number): SwapEntry {
    return this.of(page).entry;
  }

  deleteFromSwapCache(page: number): void {
    const state = this.of(page);
    state.inCache = false;
    this.byEntry.delete(state.entry);
    // The cache's own reference goes, but the caller still has one.
    this.swap.counts.swapcacheFree(state.entry);
    state.references--;
  }

  setPageDirty(page: number): void {
    this.of(page).dirty = true;
  }
}

/** One thread's view of a machine with a swap core. */
export class SwapMachine {
  readonly test: TestCore<Regions>;
  readonly trace: Trace;
  readonly reader: TraceReader;
  readonly frames: Frames;
  readonly vmalloc: TableMemory;
  readonly notifierBlocks: NotifierBlocks;
  readonly block: BlockLayer;
  readonly swap: SwapCore;
  readonly makeSwap: MakeSwap;
  readonly cache: ModelCache;

  constructor(
    test: TestCore<Regions>,
    random?: SwapRandom,
    policy: FreeSlotPolicy = 'notify',
    slotSummary = true,
  ) {
    const { core, regions } = test;
    this.test = test;
    this.trace = new Trace(core, regions.trace);
    this.reader = new TraceReader(test.arena, regions.trace);
    this.frames = new Frames(core, regions.frames, new ReclaimList(core, regions.reclaimList));
    this.vmalloc = new TableMemory(core, regions.vmalloc);
    this.notifierBlocks = new NotifierBlocks(core, regions.notifierBlocks);
    this.block = new BlockLayer(core, regions.block, this.trace);
    const parts = {
      core,
      regions: regions.swap,
      trace: this.trace,
      vmalloc: this.vmalloc,
      pages: this.frames,
      devices: this.block.devices,
      bios: this.block.bios,
      files: this.block.files,
      notifierBlocks: this.notifierBlocks,
      policy,
      slotSummary,
    };
    this.swap = new SwapCore(random === undefined ? parts : { ...parts, random });
    const { cells, context } = test;
    const { devices, files } = this.block;
    this.makeSwap = new MakeSwap({ cells, context, pages: this.frames, devices, files });
    this.cache = new ModelCache(this.swap);
  }

  /** Uses the modelled cache, and any swapoff operations. */
  useCache(swapoff: SwapoffOps = this.swap.off.operations): void {
    this.swap.setOperations(this.cache, swapoff);
  }

  /** Address of a disk. */
  disk(name: DiskName): number {
    return this.block.devices.byPath(`/dev/${name}`);
  }

  /** Writes the first page of a disk. */
  writeFirstPage(name: DiskName, bytes: Uint8Array): void {
    this.writeHeader(`/dev/${name}`, bytes);
  }

  /** Writes the first page of a disk or a file. */
  writeHeader(path: string, bytes: Uint8Array): void {
    const { files } = this.block;
    const file = files.open(path);
    const page = this.frames.allocPage(GFP_KERNEL);
    const address = this.frames.addressOf(page);
    this.test.arena.u8.set(bytes, address);
    if (files.writePage(file, 0, address) !== 0) throw new Error('the header was not written');
    this.frames.freePage(page);
    files.close(file);
  }

  /** Switches on an area of `slots` slots, the header included, without a device. */
  area(slots: number, shape: { prio?: number; start?: number; badpages?: number[] } = {}): number {
    const { prio, start, badpages } = shape;
    return this.swap.on.swaponWithoutHeader({
      lastPage: slots - 1,
      prio: prio ?? null,
      nonrot: start !== undefined,
      random32: start === undefined ? 0 : start - 1,
      badpages: badpages ?? [],
    });
  }

  /** A field of an area. */
  field(type: number, name: AreaField): number {
    const address = this.swap.table.infoOf(type) + SWAP_INFO[name];
    return SIGNED.has(name) ? this.test.cells.ld32(address) : this.test.cells.ldu32(address);
  }

  /** Sets a field of an area. */
  setField(type: number, name: AreaField, value: number): void {
    this.test.cells.st32(this.swap.table.infoOf(type) + SWAP_INFO[name], value);
  }

  /** Map byte of a slot. */
  byte(type: number, offset: number): number {
    return this.swap.table.mapByte(swpEntry(type, offset));
  }

  /** Sets the map byte of a slot, as somebody who holds `swap_lock` would. */
  setByte(type: number, offset: number, byte: number): void {
    const area = this.swap.table.infoOf(type);
    const map = this.field(type, 'swapMap');
    this.swap.summaries.setMapByte(area, map, offset, this.byte(type, offset), byte);
  }

  /** Takes a slot: `[type, offset]`, or null. */
  get(): [number, number] | null {
    const entry = this.swap.allocator.getSwapPage();
    return entry === 0 ? null : [swpType(entry), swpOffset(entry)];
  }

  /** Takes a slot of the only area; 0 for none. */
  getOffset(): number {
    return swpOffset(this.swap.allocator.getSwapPage());
  }

  /** Takes a slot of area 0 with a plain reference, which is never reclaimed; 0 for none. */
  getPlain(): number {
    return swpOffset(this.swap.allocator.getSwapPageOfType(0));
  }

  /** Frees a slot that only the cache bit holds. */
  free(type: number, offset: number): void {
    this.swap.counts.swapcacheFree(swpEntry(type, offset));
  }

  /** Lines logged since the last drain. */
  log(): string[] {
    const lines: string[] = [];
    for (const event of this.reader.drain()) if (event.type === 'printk') lines.push(event.text);
    return lines;
  }

  /** Broken invariants, nobody else running. */
  broken(): string[] {
    const { table } = this.swap;
    table.swapLock.lock();
    try {
      return checkSwapInvariants(this.swap, true);
    } finally {
      table.swapLock.unlock();
    }
  }

  /** What must be unchanged by a call that fails: counters, areas, tables and frames taken, devices and files held. */
  footprint(): unknown {
    const { table } = this.swap;
    const { devices, files } = this.block;
    const areas: unknown[] = [];
    const fields = ['flags', 'swapFile', 'bdev', 'swapMap', 'max', 'nrExtents', 'extentChunks'] as const;
    for (let type = 0; type < table.nrSwapfiles(); type++) {
      const left = fields.map((name) => this.field(type, name));
      // A type that was never on the list keeps what it had, as in the original.
      if (left.some((value) => value !== 0))
        areas.push([type, this.field(type, 'prio'), this.field(type, 'next'), ...left]);
    }
    const disks = (['ram0', 'ram1', 'ssd0', 'ram2'] as const).map((name) => {
      const bdev = this.disk(name);
      const openers = this.test.cells.ld32(bdev + BLOCK_DEVICE.openers);
      return [devices.holders(bdev), openers, this.test.cells.ld32(bdev + BLOCK_DEVICE.blockSizeBytes)];
    });
    const inodes = this.inodes().map((inode) => {
      files.lock(inode);
      files.unlock(inode);
      return [this.test.cells.ld32(inode + INODE.flags), this.test.cells.ld32(inode + INODE.openers)];
    });
    return {
      areas,
      disks,
      inodes,
      head: table.listHead(),
      next: table.listNext(),
      free: table.nrSwapPages(),
      total: table.totalSwapPages(),
      least: this.test.cells.ld32(table.globals + SWAP_GLOBALS.leastPriority),
      tablePages: this.vmalloc.pagesInUse(),
      frames: this.frames.info().free,
    };
  }

  /** All inodes: those of the files, then that of /dev/null. */
  inodes(): number[] {
    const { inodes } = this.test.regions.block.files;
    return Array.from({ length: inodes.count }, (_, index) => inodes.base + index * inodes.stride);
  }
}

/** Makes a machine and attaches the calling thread. */
export function createSwapMachine(
  options: TestCoreOptions = {},
  random?: SwapRandom,
  policy?: FreeSlotPolicy,
  slotSummary?: boolean,
  files: readonly FileConfig[] = [],
): SwapMachine {
  const test = createTestCore((layout, classes) => build(layout, classes, files), options);
  const machine = new SwapMachine(test, random, policy, slotSummary);
  machine.frames.boot(0);
  if (machine.block.ramDisks.registerAll() !== 0) throw new Error('the disks were not registered');
  if (machine.block.files.mountAll() !== -1) throw new Error('the files have no place');
  return machine;
}

/** Attaches another thread, or the calling one once more. */
export function attachSwapMachine(
  handle: TestCoreHandle,
  options: TestCoreOptions = {},
  policy?: FreeSlotPolicy,
  slotSummary?: boolean,
  files: readonly FileConfig[] = [],
): SwapMachine {
  const test = attachTestCore((layout, classes) => build(layout, classes, files), handle, options);
  return new SwapMachine(test, undefined, policy, slotSummary);
}

/** Sectors of a disk of so many pages. */
export function sectors(pages: number): number {
  return pages * SECTORS_PER_PAGE;
}
