/**
 * Switching a swap area off.
 *
 * Promise: from the moment it begins nobody gets a slot of the area; it ends only when no slot is in use and no task scans the map. When the
 * pages cannot be brought home everything is put back, with one trace: an automatic priority becomes the lowest. The steps come in the order
 * of 2.6.34, but one: the entry of the table counts as used until all that belonged to the area has been given back, so that nobody reuses
 * it half way.
 *
 * Lock order: `swapon_mutex`, then `swap_lock`. `i_mutex` of a file is taken with none of them held. All functions may sleep unless they say that they need `swap_lock`.
 */
import type { BlockDevices } from '../block/device.js';
import type { FileSystem } from '../block/files.js';
import { EINTR, EINVAL, ENOMEM } from '../errno.js';
import type { Vmalloc } from '../page/vmalloc.js';
import { PF_OOM_ORIGIN } from '../sync/task.js';
import type { Trace } from '../trace/trace.js';
import type { SwapClusters } from './clusters.js';
import type { SwapCountContinuations } from './continuations.js';
import type { SwapEvents } from './events.js';
import type { SwapExtents } from './extents.js';
import {
  LATENCY_LIMIT,
  SWAP_INFO,
  SWAP_MAP_BAD,
  swapCount,
  SWP_CONTINUED,
  SWP_SCANNING,
  SWP_WRITEOK,
  type SwapTable,
} from './info.js';
import type { SwapList } from './list.js';
import type { SlotSummaries } from './slot-summary.js';
import { NothingToUnuse, type SwapoffOps } from './operations.js';
import type { SlotFreePolicy } from './policy.js';
import { NO_DEVICE } from './proc.js';

/** One tick of the clock that 2.6.34 sleeps by, at 1000 Hz. */
const TICK_MS = 1;

/** What swapoff needs besides the table. */
export interface SwapOffParts {
  readonly table: SwapTable;
  readonly list: SwapList;
  readonly events: SwapEvents;
  readonly trace: Trace;
  readonly vmalloc: Vmalloc;
  readonly devices: BlockDevices;
  readonly files: FileSystem;
  readonly policy: SlotFreePolicy;
  readonly extents: SwapExtents;
  readonly clusters: SwapClusters;
  readonly continuations: SwapCountContinuations;
  readonly summaries: SlotSummaries;
}

/** swapoff. One per thread. */
export class SwapOff {
  readonly table: SwapTable;
  readonly list: SwapList;
  readonly events: SwapEvents;
  readonly trace: Trace;
  readonly vmalloc: Vmalloc;
  readonly devices: BlockDevices;
  readonly files: FileSystem;
  readonly policy: SlotFreePolicy;
  readonly extents: SwapExtents;
  readonly clusters: SwapClusters;
  readonly continuations: SwapCountContinuations;
  readonly summaries: SlotSummaries;
  /** The memory manager; set once, at attach. @perthread */
  operations: SwapoffOps;

  /** @param parts - what it stands on */
  constructor(parts: SwapOffParts) {
    this.table = parts.table;
    this.list = parts.list;
    this.events = parts.events;
    this.trace = parts.trace;
    this.vmalloc = parts.vmalloc;
    this.devices = parts.devices;
    this.files = parts.files;
    this.policy = parts.policy;
    this.extents = parts.extents;
    this.clusters = parts.clusters;
    this.continuations = parts.continuations;
    this.summaries = parts.summaries;
    this.operations = new NothingToUnuse(parts.table);
  }

  /**
   * Switches the area on a block device or a file off. May sleep.
   * @param path - as given to swapon
   * @returns 0; -ENOENT, -ENAMETOOLONG or -EISDIR when the path cannot be opened; -EINVAL when it is no active area; -ENOMEM when its pages
   * would not fit into memory; whatever bringing the pages home answers, among it -EOPNOTSUPP when nobody can bring them home
   * @kernel mm/swapfile.c sys_swapoff, 2.6.34
   */
  swapoff(path: string): number {
    this.table.context.mightSleep('swapoff');
    const swapFile = this.files.open(path);
    if (swapFile < 0) return swapFile;
    const error = this.swapoffArea(swapFile, -1);
    this.files.close(swapFile);
    return error;
  }

  /**
   * Switches an area off by its type: the only way for one without a device. May sleep.
   * @param type - any number
   * @returns as {@link swapoff}
   */
  swapoffType(type: number): number {
    this.table.context.mightSleep('swapoff');
    return this.swapoffArea(0, type);
  }

  /**
   * Finds a writable area on the list. `swap_lock` held.
   * @param swapFile - address of its device or inode, or 0 to look for the type
   * @param wanted - its type, when there is no device to look for
   * @returns the type, or -1
   */
  findActive(swapFile: number, wanted: number): number {
    const { table } = this;
    const { cells } = table;
    let type = table.listHead();
    while (type >= 0) {
      const area = table.infoOf(type);
      const opened = cells.ldu32(area + SWAP_INFO.swapFile);
      const matches = swapFile === 0 ? type === wanted : opened === swapFile;
      if (matches && (cells.ldu32(area + SWAP_INFO.flags) & SWP_WRITEOK) !== 0) return type;
      type = cells.ld32(area + SWAP_INFO.next);
    }
    return -1;
  }

  /**
   * Makes an area writable again whose pages could not be brought home. `swap_lock` held.
   * @param type - an area that was just taken off the list
   */
  putBack(type: number): void {
    const { cells } = this.table;
    const area = this.table.infoOf(type);
    if (cells.ld32(area + SWAP_INFO.prio) < 0)
      cells.st32(area + SWAP_INFO.prio, this.list.nextAutomaticPriority());
    this.list.insert(type);
    this.table.noteAreaPutBack();
  }

  /**
   * Ends an area without users: waits for scans, tells the notifiers, then gives everything back and at last the entry of the table. May sleep.
   * @param type - an area that is not writable
   */
  tearDown(type: number): void {
    const { table } = this;
    const { cells } = table;
    const area = table.infoOf(type);
    const swapFile = cells.ldu32(area + SWAP_INFO.swapFile);
    let map: number;
    // No slot is in use, so no cluster joins the queue any more.
    this.clusters.drainArea(area);
    // Nobody looks a slot up any more. Tasks that still scan have none.
    this.extents.destroySwapExtents(area);
    if ((cells.ldu32(area + SWAP_INFO.flags) & SWP_CONTINUED) !== 0)
      this.continuations.freeSwapCountContinuations(area);
    this.continuations.destroy(area);
    table.swaponMutex.lock();
    try {
      map = this.takeMap(area);
      this.trace.swapoff(type, swapFile === 0 ? NO_DEVICE : this.files.pathOf(swapFile));
      this.events.swapoffChain.call(type, swapFile);
    } finally {
      table.swaponMutex.unlock();
    }
    this.vmalloc.vfree(map);
    this.clusters.destroy(area);
    this.summaries.destroy(area);
    this.giveBackAndRetire(area, type, swapFile);
  }

  /**
   * The end: the device or file, and then the entry of the table. In this order, since a swapon may have the entry as soon as it is free. May
   * sleep.
   * @param area - address of an area that is not enabled any more
   * @param type - its index
   * @param swapFile - address of its device or inode, 0 for an area without one
   * @kernel mm/swapfile.c sys_swapoff, 2.6.34, made safe
   */
  giveBackAndRetire(area: number, type: number, swapFile: number): void {
    if (swapFile !== 0) this.giveBack(area, swapFile);
    this.retireEntry(area, type);
  }

  /**
   * Gives back the device of an area, or its file. May sleep.
   * @param area - address of an area that is not enabled any more
   * @param swapFile - address of its device or inode
   */
  giveBack(area: number, swapFile: number): void {
    const { devices, files } = this;
    if (files.isInode(swapFile)) {
      files.lock(swapFile);
      files.setSwapfile(swapFile, false);
      files.unlock(swapFile);
    } else {
      devices.setBlockSize(swapFile, this.table.cells.ldu32(area + SWAP_INFO.oldBlockSize));
      devices.release(swapFile, area);
    }
    files.close(swapFile);
  }

  /**
   * Waits until no task scans an area, then takes its map away. Takes `swap_lock`. `swapon_mutex` held; may sleep.
   * @param area - address of an area that is not writable
   * @returns address of the map, now the caller's
   */
  takeMap(area: number): number {
    const { table } = this;
    const { cells } = table;
    table.swapLock.lock();
    try {
      cells.st32(area + SWAP_INFO.highestBit, 0);
      this.waitForScanners(area);
      this.table.context.assert(
        cells.ldu32(area + SWAP_INFO.inusePages) === 0,
        `no slot of swap area ${cells.ld32(area + SWAP_INFO.type)} is in use when its map is freed.`,
      );
      const map = cells.ldu32(area + SWAP_INFO.swapMap);
      cells.st32(area + SWAP_INFO.swapMap, 0);
      cells.st32(area + SWAP_INFO.max, 0);
      return map;
    } finally {
      table.swapLock.unlock();
    }
  }

  /**
   * Sleeps a tick at a time until no task is inside `scanSwapMap` for an area. `swap_lock` held on entry and return; dropped to sleep.
   * @param area - address of an area that is not writable
   */
  waitForScanners(area: number): void {
    const { table } = this;
    const { context, scannersGone, swapLock } = table;
    let waitedMs = 0;
    while (table.cells.ldu32(area + SWAP_INFO.flags) >= SWP_SCANNING) {
      const ticket = scannersGone.prepareToWait();
      swapLock.unlock();
      try {
        scannersGone.wait(ticket, TICK_MS);
      } finally {
        swapLock.lock();
      }
      waitedMs += TICK_MS;
      if (waitedMs > context.options.waitLimitMs) {
        context.bug(
          `swapoff has waited ${waitedMs} ms for a task to leave scanSwapMap: the limit is reached.`,
        );
      }
    }
  }

  /**
   * Frees the entry of the table for the next swapon. A free callback that was not removed goes with it. Takes `swap_lock`.
   * @param area - address of an area that nothing belongs to any more
   * @param type - its index
   */
  retireEntry(area: number, type: number): void {
    const { table } = this;
    table.swapLock.lock();
    this.policy.areaRetired(area, type);
    table.cells.st32(area + SWAP_INFO.swapFile, 0);
    table.cells.st32(area + SWAP_INFO.bdev, 0);
    table.cells.st32(area + SWAP_INFO.flags, 0);
    table.swapLock.unlock();
  }

  /**
   * The next slot in use of an area that is being switched off. Reads the map without a lock: what it finds may be free by now.
   * @param type - an area that is not writable
   * @param previous - slot found last, 0 to begin
   * @returns the slot, or 0 when there is none
   * @kernel mm/swapfile.c find_next_to_unuse, 2.6.34
   */
  findNextToUnuse(type: number, previous: number): number {
    const { cells } = this.table;
    const area = this.table.infoOf(type);
    const last = cells.ldu32(area + SWAP_INFO.max) - 1;
    const found = this.findInUse(area, previous + 1, last);
    return found !== 0 || previous === 0 ? found : this.findInUse(area, 1, Math.min(previous, last));
  }

  private findInUse(area: number, first: number, last: number): number {
    const map = this.table.cells.ldu32(area + SWAP_INFO.swapMap);
    if (this.summaries.areKept(area)) {
      this.table.cells.announce(map + first);
      this.table.context.step();
      return this.summaries.findInUse(area, map, first, last);
    }
    const { u8 } = this.table.cells.arena;
    for (let chunk = first; chunk <= last; chunk += LATENCY_LIMIT) {
      this.table.cells.announce(map + chunk);
      this.table.context.step();
      const end = Math.min(last, chunk + LATENCY_LIMIT - 1);
      for (let offset = chunk; offset <= end; offset++) {
        const byte = u8[map + offset] ?? 0;
        if (byte !== 0 && swapCount(byte) !== SWAP_MAP_BAD) return offset;
      }
    }
    return 0;
  }

  private putBackUnderLock(type: number): void {
    const { swapLock } = this.table;
    swapLock.lock();
    try {
      this.putBack(type);
    } finally {
      swapLock.unlock();
    }
  }

  private swapoffArea(swapFile: number, wanted: number): number {
    const { table } = this;
    const { cells, context } = table;
    let type: number;
    table.swapLock.lock();
    try {
      type = this.findActive(swapFile, wanted);
      if (type < 0) return -EINVAL;
      if (!this.operations.vmEnoughMemory(cells.ldu32(table.infoOf(type) + SWAP_INFO.pages))) return -ENOMEM;
      this.list.remove(type);
    } finally {
      table.swapLock.unlock();
    }

    const taskFlags = context.taskFlags();
    let error = -EINTR;
    // Whoever pulls in a whole area should be the first to go when memory runs out.
    context.setTaskFlags(taskFlags | PF_OOM_ORIGIN);
    try {
      error = this.operations.tryToUnuse(type);
    } finally {
      // Also when it is left by an exception, as in a view that must not wait; a machine that has stopped stays as it is.
      if (error !== 0 && !context.panic.isStopped()) this.putBackUnderLock(type);
      // Not before the area is back, as 2.6.34 does: there no other task is chosen until the chosen one has ended.
      context.setTaskFlags(taskFlags);
    }
    if (error !== 0) return error;
    // Drains those who still kick the device's queue.
    table.unplugSem.downWrite();
    table.unplugSem.upWrite();
    this.tearDown(type);
    return 0;
  }
}
