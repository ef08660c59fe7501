/**
 * Address spaces of areas: operations that write, read and drop whole pages, in place of block requests.
 *
 * An area begins without one and is then used by way of its block device, like any other. A driver may install one from its swapon notifier;
 * from then on pages of the area go through its operations, and no bio is made. Without a device there is nobody who could install one.
 * `docs/address-space.md` tells where the idea comes from and what it costs.
 *
 * What an address space must keep:
 * - both ways lead to the same store: pages may be written by way of the device before the address space is there, and read through it after;
 * - `writePage` may sleep; `readPage` is called with the lock of a page held and may sleep, too;
 * - `dropPage` is called under `swap_lock`: it must not sleep and must not call back into the swap core;
 * - an operation is done when it returns; an error is its answer.
 *
 * `swap_lock` protects the three numbers. Who writes or reads a page looks at them without it: it holds a reference to a slot, so the area cannot
 * be switched off, and they change at no other time.
 */
import { FunctionTable, NULL_SYMBOL, type SymbolId } from '../arena/symbols.js';
import { EINVAL } from '../errno.js';
import type { Core } from '../sync/core.js';
import { SWAP_INFO, SWP_USED, type SwapTable } from './info.js';

/**
 * Writes or reads a page. May sleep.
 * @param host - address of the block device of the area
 * @param slot - slot in the area, which is also the index of the page in the address space
 * @param frame - byte address of the page frame
 * @returns 0 or a negative errno
 */
export type SwapSpaceTransfer = (host: number, slot: number, frame: number) => number;

/**
 * Forgets a page whose slot was freed. `swap_lock` held.
 * @param host - address of the block device of the area
 * @param slot - as in {@link SwapSpaceTransfer}
 */
export type SwapSpaceDrop = (host: number, slot: number) => void;

/** The operations of an address space, by number. @kernel struct address_space_operations, cut down to what swap needs */
export interface SwapSpaceOperations {
  /** From `SwapSpaces.writers`. */
  readonly writePage: SymbolId;
  /** From `SwapSpaces.readers`. */
  readonly readPage: SymbolId;
  /** From `SwapSpaces.droppers`. */
  readonly dropPage: SymbolId;
}

/** What {@link SwapSpaces.setSwapSpace} takes to remove an address space. */
export const NO_SWAP_SPACE: SwapSpaceOperations = {
  writePage: NULL_SYMBOL,
  readPage: NULL_SYMBOL,
  dropPage: NULL_SYMBOL,
};

/** Installs and calls the operations. */
export class SwapSpaces {
  /** This thread's functions; define each of them in every thread that swaps. */
  readonly writers: FunctionTable<SwapSpaceTransfer>;
  readonly readers: FunctionTable<SwapSpaceTransfer>;
  readonly droppers: FunctionTable<SwapSpaceDrop>;
  readonly table: SwapTable;

  /**
   * @param core - this thread's lower floors
   * @param table - the areas
   */
  constructor(core: Core, table: SwapTable) {
    this.table = table;
    this.writers = new FunctionTable<SwapSpaceTransfer>(core.symbols, 'swap_write_page');
    this.readers = new FunctionTable<SwapSpaceTransfer>(core.symbols, 'swap_read_page');
    this.droppers = new FunctionTable<SwapSpaceDrop>(core.symbols, 'swap_drop_page');
  }

  /**
   * Gives an area an address space, or takes it away. Called from a swapon notifier and a swapoff notifier. Takes `swap_lock`.
   * @param type - index of the area
   * @param operations - all three, or {@link NO_SWAP_SPACE}
   * @returns 0, or -EINVAL when there is no such area; taking away needs only that it once existed
   */
  setSwapSpace(type: number, operations: SwapSpaceOperations): number {
    const { table } = this;
    if (!Number.isInteger(type) || type < 0 || type >= table.nrSwapfiles()) return -EINVAL;
    const area = table.infoOf(type);
    table.swapLock.lock();
    try {
      const isUsed = (table.cells.ldu32(area + SWAP_INFO.flags) & SWP_USED) !== 0;
      if (operations.dropPage !== NULL_SYMBOL && !isUsed) return -EINVAL;
      this.store(area, operations);
      return 0;
    } finally {
      table.swapLock.unlock();
    }
  }

  /**
   * Takes the address space of an area away. `swap_lock` held.
   * @param area - address of the area
   */
  clear(area: number): void {
    this.table.assertLocked('SwapSpaces.clear');
    this.store(area, NO_SWAP_SPACE);
  }

  /**
   * The function that writes pages of an area, 0 for none: the area is used by way of its device. The caller holds a reference to a slot.
   * @param type - index of the area
   */
  writerOf(type: number): SymbolId {
    return this.table.cells.ld32(this.table.infoOf(type) + SWAP_INFO.writePage);
  }

  /**
   * The function that reads pages of an area, 0 for none. The caller holds a reference to a slot.
   * @param type - index of the area
   */
  readerOf(type: number): SymbolId {
    return this.table.cells.ld32(this.table.infoOf(type) + SWAP_INFO.readPage);
  }

  /**
   * Drops the page of a slot. `swap_lock` held.
   * @param area - address of the area
   * @param offset - the slot that was freed
   * @returns whether the area has an address space
   */
  drop(area: number, offset: number): boolean {
    const { cells } = this.table;
    const symbol = cells.ld32(area + SWAP_INFO.dropPage);
    if (symbol === NULL_SYMBOL) return false;
    const dropPage = this.droppers.resolve(symbol);
    dropPage(cells.ldu32(area + SWAP_INFO.bdev), offset);
    return true;
  }

  private store(area: number, operations: SwapSpaceOperations): void {
    const { cells } = this.table;
    cells.st32(area + SWAP_INFO.readPage, operations.readPage);
    cells.st32(area + SWAP_INFO.writePage, operations.writePage);
    cells.st32(area + SWAP_INFO.dropPage, operations.dropPage);
  }
}
