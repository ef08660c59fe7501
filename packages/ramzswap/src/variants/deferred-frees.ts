/**
 * Frees that the slot-free callback puts off: the variants d03 and d04.
 *
 * The callback notes the slot in a record of an atomic allocation, here a page frame of its own, and puts it in front of the device's list; the work frees
 * what is on the list, in the order in which it was put there. The list is taken as a whole, with Atomics, so it needs no lock.
 */
import { GFP_ATOMIC, struct, type Cells, type Kernel } from '@swaplab/kernel-mm';
import { RAMZSWAP } from '../driver/places.js';
import type { SoundDevice } from '../driver/sound-device.js';

/** A note, at the start of its page frame. @kernel struct zram_slot_free, 3.12 */
const NOTE = struct('zram_slot_free', { next: 'i32', slot: 'i32' });

/** The frees that a device has put off, as one thread sees them. */
export class DeferredFrees {
  private readonly device: SoundDevice;
  private readonly kernel: Kernel;
  private readonly cells: Cells;
  private readonly head: number;

  /**
   * @param device - whose frees they are
   * @param kernel - of the same thread
   */
  constructor(device: SoundDevice, kernel: Kernel) {
    this.device = device;
    this.kernel = kernel;
    this.cells = kernel.core.cells;
    this.head = device.address + RAMZSWAP.deferredFrees;
  }

  /**
   * Notes a free. Never sleeps. @kernel add_slot_free in zram_slot_free_notify, 3.12
   * @param slot - a slot of the disk
   * @returns false when there is no memory for the note
   */
  put(slot: number): boolean {
    const { cells, head } = this;
    const page = this.kernel.frames.allocPage(GFP_ATOMIC);
    if (page === 0) return false;
    const note = this.kernel.frames.addressOf(page);
    cells.st32(note + NOTE.slot, slot);
    for (;;) {
      const first = cells.atomicLoad(head);
      cells.st32(note + NOTE.next, first);
      if (cells.atomicCompareExchange(head, first, page) === first) return true;
    }
  }

  /**
   * Does all that was noted. @kernel zram_slot_free, 3.12
   * @returns slots that were freed
   */
  drain(): number {
    const { cells, device, kernel } = this;
    let freed = 0;
    for (let page = this.takeInOrder(); page !== 0; freed++) {
      const note = kernel.frames.addressOf(page);
      const next = cells.ld32(note + NOTE.next);
      const slot = cells.ld32(note + NOTE.slot);
      kernel.frames.freePage(page);
      device.lockSlot(slot);
      try {
        if (device.isStillInitialised()) device.freePage(slot);
      } finally {
        device.unlockSlot(slot);
      }
      page = next;
    }
    return freed;
  }

  /** Takes the list and turns it round: the first note first. */
  private takeInOrder(): number {
    const { cells, kernel } = this;
    let ordered = 0;
    for (let page = cells.atomicExchange(this.head, 0); page !== 0;) {
      const note = kernel.frames.addressOf(page);
      const next = cells.ld32(note + NOTE.next);
      cells.st32(note + NOTE.next, ordered);
      ordered = page;
      page = next;
    }
    return ordered;
  }
}
