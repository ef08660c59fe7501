/**
 * What a process does with its memory: read and write bytes, drop ranges, end.
 *
 * Promise: a write is in memory when the call returns; what is read is what was last written, wherever the page has been meanwhile. Memory
 * never written reads as zeros and costs nothing. An access that cannot get a page ends the process: its memory is dropped, `kills` counts
 * it, and the call answers `-ENOMEM`. But while some task pulls in a swap area, that one is chosen instead: it gets a signal, which ends its
 * swapoff, and the access tries again.
 *
 * A processor reads and writes through its page table without locks; here the copy is done under the page-table lock instead, so that
 * reclaim cannot take the page away in the middle. Entered without locks; may sleep.
 */
import { EFAULT, EINVAL, EIO, ENOMEM } from '../errno.js';
import { PAGE_SIZE } from '../arena/memory.js';
import type { Frames } from '../page/frames.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import type { AddressSpaces } from './address-spaces.js';
import { PTE_ACCESSED, PTE_DIRTY, PTE_PRESENT, PTE_WRITABLE } from './mm.js';
import type { Faults } from './fault.js';
import type { OutOfMemory } from './oom.js';
import { VM_EVENT, type VmEvents } from './stats.js';
import type { Zap } from './zap.js';

/** Faults one access may take before it is reported as a livelock: the page goes before it can be used, time after time. */
const FAULTS_PER_ACCESS_MAX = 100_000;

/** Memory accesses of one thread. */
export class Access {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly frames: Frames;
  private readonly spaces: AddressSpaces;
  private readonly faults: Faults;
  private readonly zap: Zap;
  private readonly oom: OutOfMemory;
  private readonly events: VmEvents;

  /**
   * @param core - this thread's lower floors
   * @param parts - the floors below
   */
  constructor(
    core: Core,
    parts: {
      readonly frames: Frames;
      readonly spaces: AddressSpaces;
      readonly faults: Faults;
      readonly zap: Zap;
      readonly oom: OutOfMemory;
      readonly events: VmEvents;
    },
  ) {
    this.cells = core.cells;
    this.context = core.context;
    this.frames = parts.frames;
    this.spaces = parts.spaces;
    this.faults = parts.faults;
    this.zap = parts.zap;
    this.oom = parts.oom;
    this.events = parts.events;
  }

  /**
   * Copies bytes into a process.
   * @param mm - living address space
   * @param address - first virtual address, bytes
   * @param data - what to write
   * @returns 0; `-EFAULT` outside the address space; `-ENOMEM` when the process was killed for lack of memory, now or before; `-EIO` when a page
   * could not be read: nothing is changed then, but the original sends SIGBUS
   */
  write(mm: number, address: number, data: Uint8Array): number {
    return this.transfer(mm, address, data, true);
  }

  /**
   * Copies bytes out of a process.
   * @param mm - living address space
   * @param address - first virtual address, bytes
   * @param out - filled completely when 0 is returned
   * @returns as {@link write}
   */
  read(mm: number, address: number, out: Uint8Array): number {
    return this.transfer(mm, address, out, false);
  }

  /**
   * Drops whole pages.
   * @param mm - living address space
   * @param address - virtual address, bytes, page aligned
   * @param bytes - length, a multiple of the page size, at least one page
   * @returns 0; `-EINVAL` when not aligned, empty, or outside
   * @kernel sys_munmap
   */
  unmap(mm: number, address: number, bytes: number): number {
    const aligned = address % PAGE_SIZE === 0 && bytes % PAGE_SIZE === 0;
    if (!aligned || address < 0 || bytes <= 0) return -EINVAL;
    const first = address / PAGE_SIZE;
    const count = bytes / PAGE_SIZE;
    if (first + count > this.spaces.pagesOf(mm)) return -EINVAL;
    const semaphore = this.spaces.mmapSem(mm);
    semaphore.downWrite();
    try {
      this.zap.zapRange(mm, first, count);
    } finally {
      semaphore.upWrite();
    }
    return 0;
  }

  private transfer(mm: number, address: number, bytes: Uint8Array, write: boolean): number {
    const end = address + bytes.length;
    if (!Number.isInteger(address) || address < 0 || end > this.spaces.pagesOf(mm) * PAGE_SIZE)
      return -EFAULT;
    let done = 0;
    while (done < bytes.length) {
      const offset = (address + done) % PAGE_SIZE;
      const chunk = Math.min(bytes.length - done, PAGE_SIZE - offset);
      const error = this.transferPage(
        mm,
        (address + done - offset) / PAGE_SIZE,
        offset,
        bytes,
        done,
        chunk,
        write,
      );
      if (error !== 0) return error;
      done += chunk;
    }
    return 0;
  }

  private transferPage(
    mm: number,
    vpn: number,
    offset: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    write: boolean,
  ): number {
    for (let attempt = 0; attempt < FAULTS_PER_ACCESS_MAX; attempt++) {
      if (this.copyIfPresent(mm, vpn, offset, bytes, start, length, write)) return 0;
      const reliefs = this.oom.reliefsSoFar();
      const error = this.fault(mm, vpn, write);
      if (error === 0) continue;
      const lacksMemory = error === -ENOMEM && !this.spaces.isKilled(mm);
      if (lacksMemory && this.oom.pagefaultOutOfMemory(mm, reliefs, attempt)) continue;
      if (error === -EIO) this.events.count(VM_EVENT.busErrors);
      return error;
    }
    return this.context.bug(
      `Virtual page ${vpn} was reclaimed ${FAULTS_PER_ACCESS_MAX} times before it could be used.`,
    );
  }

  private copyIfPresent(
    mm: number,
    vpn: number,
    offset: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    write: boolean,
  ): boolean {
    this.spaces.lockTable(mm);
    try {
      // Another task may have ended the address space, or killed it: the fault tells so.
      if (vpn >= this.spaces.pagesOf(mm) || this.spaces.isKilled(mm)) return false;
      const pte = this.spaces.pte(mm, vpn);
      if (pte === 0 && !write) {
        // The shared page of zeros: reading what was never written costs no frame. @kernel ZERO_PAGE
        bytes.fill(0, start, start + length);
        return true;
      }
      if ((pte & PTE_PRESENT) === 0 || (write && (pte & PTE_WRITABLE) === 0)) return false;
      const used = (pte | PTE_ACCESSED | (write ? PTE_DIRTY : 0)) >>> 0;
      if (used !== pte) this.spaces.setPte(mm, vpn, used);
      const from = this.frames.addressOf(this.spaces.pageOf(pte)) + offset;
      const memory = this.cells.arena.u8;
      this.cells.announce(from);
      if (write) memory.set(bytes.subarray(start, start + length), from);
      else bytes.set(memory.subarray(from, from + length), start);
      return true;
    } finally {
      this.spaces.unlockTable(mm);
    }
  }

  private fault(mm: number, vpn: number, write: boolean): number {
    const semaphore = this.spaces.mmapSem(mm);
    semaphore.downRead();
    try {
      return this.faults.handleFault(mm, vpn, write);
    } finally {
      semaphore.upRead();
    }
  }
}
