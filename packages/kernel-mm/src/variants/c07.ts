/**
 * c07: the bad pages of a header of the other byte order are swapped before they are counted.
 *
 * Symptom: the header says how many there are, up to four thousand million; each takes four bytes, and all that lies behind the header's page
 * in memory is overwritten. Here the bytes are swapped up to the end of the page frames, and then the machine stops and says whose they were.
 * @kernel mm/swapfile.c sys_swapon, up to 4.8; found by Jann Horn, 2016
 */
import { PAGE_SIZE } from '../arena/memory.js';
import type { Frames } from '../page/frames.js';
import { PG_FREE, PG_SWAPCACHE, PAGE } from '../page/page.js';
import { BADPAGES_AT, parseSwapHeader, type SwapHeader } from '../swap/header.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Context } from '../sync/context.js';
import type { Cells } from '../sync/cells.js';

/** Most frames named one by one. */
const NAMED_MAX = 8;

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 * @param frames - for naming what is overwritten
 */
export function installC07(swap: SwapCore, frames: Frames): void {
  const careless = new CarelessHeader(swap, frames);
  swap.on.parseHeader = careless.parseHeader.bind(careless);
}

class CarelessHeader {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly frames: Frames;

  constructor(swap: SwapCore, frames: Frames) {
    this.cells = swap.table.cells;
    this.context = swap.table.context;
    this.frames = frames;
  }

  /** Replaces `SwapOn.parseHeader`. */
  parseHeader(address: number): SwapHeader | null {
    const { u8 } = this.cells.arena;
    const header = parseSwapHeader(u8.subarray(address, address + PAGE_SIZE));
    if (header === null || !header.swapped) return header;
    const wanted = address + BADPAGES_AT + 4 * header.nrBadpages;
    const end = Math.min(wanted, this.addressOfFrame(this.frames.frameCount));
    for (let word = address + BADPAGES_AT; word < end; word += 4) u8.subarray(word, word + 4).reverse();
    if (end > address + PAGE_SIZE) this.report(address, end, header.nrBadpages);
    return header;
  }

  private report(address: number, end: number, nrBadpages: number): never {
    const first = this.frameAt(address) + 1;
    const last = this.frameAt(end - 1);
    const names: string[] = [];
    for (let frame = first; frame <= last && names.length < NAMED_MAX; frame++)
      names.push(`${frame} (${this.useOf(frame)})`);
    const more = last - first + 1 - names.length;
    return this.context.bug(
      `swapon swaps the bytes of ${nrBadpages} bad pages before it counts them: ${end - address - PAGE_SIZE} bytes behind the page of the ` +
        `header are overwritten, in the page frames ${names.join(', ')}${more === 0 ? '' : ` and ${more} more`}.`,
    );
  }

  private useOf(frame: number): string {
    const page = this.frames.pageAt(frame);
    if (this.frames.testFlag(page, PG_FREE)) return 'free';
    if (this.cells.atomicLoad(page + PAGE.mapcount) > 0) return 'a page of a process';
    return this.frames.testFlag(page, PG_SWAPCACHE) ? 'in the swap cache' : 'taken by the kernel or a driver';
  }

  private addressOfFrame(frame: number): number {
    return this.frames.addressOf(this.frames.pageAt(0)) + frame * PAGE_SIZE;
  }

  private frameAt(address: number): number {
    return Math.floor((address - this.addressOfFrame(0)) / PAGE_SIZE);
  }
}
