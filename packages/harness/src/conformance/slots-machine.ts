/**
 * The machine that recorded operations on slots are done on: the swap core with the faults of 2.6.34, areas without devices, a swap cache
 * that the recording drives, and an ear at every place where the original code was heard.
 *
 * What is heard since the last {@link SlotsMachine.forget}: the slots freed, through the function that areas call for each, with the counters
 * as that function sees them; the discards, in place of a device; the complaints, from the log of the kernel.
 */
import {
  createMachine,
  ENOMEM,
  GFP_KERNEL,
  PAGE_SIZE,
  SWAP_INFO,
  type Machine,
  type SwapCore,
  type SymbolId,
} from '@swaplab/kernel-mm';
import { SlotCache } from './slot-cache.js';

/** `[type, slot, nr_swap_pages, inuse_pages]`. */
export type FreedSlot = readonly [number, number, number, number];

/** `[type, first sector, sectors]`. */
export type DiscardedSectors = readonly [number, number, number];

/** How a replay is done. */
export interface SlotsMode {
  /** For reports: `with the plain scan`. */
  readonly name: string;
  /** Whether areas have the summary structure. */
  readonly slotSummary: boolean;
}

/** The two ways to look for free slots, the readable one first: both must give the recorded results. */
export const SLOTS_MODES: readonly SlotsMode[] = [
  { name: 'with the plain scan', slotSummary: false },
  { name: 'with the summary structure', slotSummary: true },
];

/** Room for page tables and the like, bytes. */
const TABLE_BYTES_LEAST = 1 << 20;
/** Map, summary and the rest, twice over because memory is handed out in one piece each. */
const TABLE_BYTES_PER_SLOT = 4;
/** Pages besides those for higher digits of counts, in which a million references take two for each piece of the map. */
const PAGES_LEAST = 1024;
const PAGES_PER_MAP_PAGE = 4;

/** A line of the log that says what is wrong with an entry. */
const COMPLAINT = /^swap_(?:free|dup): (Bad|Unused) swap (file|offset) entry /;

/** The machine. Single-threaded. */
export class SlotsMachine {
  readonly swap: SwapCore;
  readonly cache: SlotCache;
  /** Slots freed, in order. */
  readonly freed: FreedSlot[] = [];
  /** Discards issued, in order. */
  readonly discards: DiscardedSectors[] = [];
  /** Whether the next swapoff is refused even if no slot is in use. */
  refuseSwapoff = false;
  private readonly machine: Machine;
  private readonly failNextRequests: (requests: number) => void;
  private readonly notifiers: readonly SymbolId[];

  /**
   * @param slots - of all areas that can be active at one time
   * @param mode - how free slots are looked for
   */
  constructor(slots: number, mode: SlotsMode) {
    const mapPages = Math.ceil(slots / PAGE_SIZE);
    this.machine = createMachine({
      profile: '2.6.34',
      slotSummary: mode.slotSummary,
      shared: false,
      ramBytes: (PAGES_LEAST + mapPages * PAGES_PER_MAP_PAGE) * PAGE_SIZE,
      ramDisks: [],
      addressSpaces: 1,
      tableBytes: TABLE_BYTES_LEAST + slots * TABLE_BYTES_PER_SLOT,
    });
    this.machine.record('printk');
    const { kernel } = this.machine.attach();
    const { swap, frames } = kernel;
    this.swap = swap;
    this.cache = new SlotCache(swap);
    this.failNextRequests = (requests) => frames.failNextRequests(requests);
    this.notifiers = this.defineNotifiers();
    swap.setOperations(this.cache, {
      tryToUnuse: (type) => (this.refuseSwapoff || this.field(type, 'inusePages') !== 0 ? -ENOMEM : 0),
      vmEnoughMemory: () => true,
    });
    swap.discard.issue = (area, block, count) => {
      const sectors = PAGE_SIZE / 512;
      this.discards.push([swap.table.cells.ld32(area + SWAP_INFO.type), block * sectors, count * sectors]);
      return 0;
    };
  }

  /**
   * Installs the function that hears of freed slots.
   * @param type - of an area just switched on
   */
  listen(type: number): void {
    this.swap.freeNotify.setSwapFreeNotify(type, this.notifiers[type] ?? 0);
  }

  /**
   * Lets the next requests for a page fail; replaces an earlier number.
   * @param requests - how many
   */
  failPages(requests: number): void {
    this.failNextRequests(requests);
  }

  /** Makes room for a higher digit of a count. @param entry - any entry */
  addContinuation(entry: number): number {
    return this.swap.counts.addSwapCountContinuation(entry, GFP_KERNEL);
  }

  /** Classes of the complaints in the log since the last call, in order: `Bad_file`, `Unused_offset` and the like. */
  complaints(): string[] {
    const classes: string[] = [];
    for (const event of this.machine.drain('printk')) {
      const complaint = event.type === 'printk' ? COMPLAINT.exec(event.text) : null;
      if (complaint !== null) classes.push(`${complaint[1] ?? ''}_${complaint[2] ?? ''}`);
    }
    return classes;
  }

  /** Forgets what was heard, the complaints excepted. */
  forget(): void {
    if (this.freed.length !== 0) this.freed.length = 0;
    if (this.discards.length !== 0) this.discards.length = 0;
  }

  /**
   * An unsigned field of an area.
   * @param type - below `nr_swapfiles`
   * @param name - of {@link SWAP_INFO}
   */
  field(type: number, name: 'inusePages' | 'max' | 'swapMap' | 'flags'): number {
    return this.swap.table.cells.ldu32(this.swap.table.infoOf(type) + SWAP_INFO[name]);
  }

  /** One function for each type: the function itself is told of the device and the slot only. */
  private defineNotifiers(): SymbolId[] {
    const { table, freeNotify } = this.swap;
    const symbols: SymbolId[] = [];
    for (let type = 0; type < table.maxSwapfiles; type++) {
      const heard = (_bdev: number, slot: number) => {
        this.freed.push([type, slot, table.nrSwapPages(), this.field(type, 'inusePages')]);
      };
      symbols.push(freeNotify.functions.define(`heard_of_area_${type}`, heard));
    }
    return symbols;
  }
}
