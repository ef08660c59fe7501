/**
 * What each row of a trace does, and what is counted of it.
 *
 * | row | slot not in use | slot in use |
 * | --- | --- | --- |
 * | `W` | takes a place, writes | writes again in the same place |
 * | `R` | skipped | reads, compares with what was written last |
 * | `F` | skipped | freed |
 * | `D` of the kernel | passed on to the device, when it has the numbers of the trace | so, too; the contents are lost and not read any more |
 * | `D` of the owner | skipped, or passed on | the same as `F`; the device with the numbers of the trace gets the request, too |
 *
 * A page that could not be stored is counted, and its slot is free again.
 */
import type { TraceRow } from './formats/row.js';
import { LiveSlots } from './live-slots.js';
import type { PageBank } from './page-bank.js';
import type { ReplayTarget } from './target.js';
import type { WrittenPage, WrittenPages } from './written-pages.js';

/** What was done, in slots unless it says rows. */
export interface ReplayCounts {
  rows: number;
  /** Pages written, rewrites included. */
  writes: number;
  /** Pages written to slots in use. */
  rewrites: number;
  /** Pages read and compared. */
  reads: number;
  /** Slots freed, trims included. */
  frees: number;
  /** Reads of slots that are not in use, or whose contents were discarded. */
  skippedReads: number;
  /** Frees and trims of slots that are not in use. */
  skippedFrees: number;
  /** Slots named by discards that the device was given. */
  discards: number;
  /** Slots named by discards of the kernel that mean nothing here, because the slots are ours. */
  skippedDiscards: number;
  /** Slots in use that were discarded. */
  discardedInUse: number;
  /** Pages that could not be stored: no slot, or no memory. */
  failedWrites: number;
  /** Pages that could not be read. */
  failedReads: number;
}

/** A page in its place. */
interface PlacedPage extends WrittenPage {
  readonly place: number;
  /** Whether its contents were discarded. */
  readonly lost: boolean;
}

/** What rows are done with. */
export interface ReplayerParts {
  readonly target: ReplayTarget;
  readonly bank: PageBank;
  readonly contents: WrittenPages;
  /** Byte addresses of two page frames: to write from, and to read into. */
  readonly from: number;
  readonly to: number;
  /** Whether discards come from the owner of the pages. */
  readonly ownerTrims: boolean;
  /** Whether the device has the numbers of the trace. */
  readonly recorded: boolean;
}

/** Sentences that are kept. */
const REPORTS_MAX = 20;

/** Does the rows of a trace, one after the other. */
export class Replayer {
  readonly counts: ReplayCounts = {
    rows: 0,
    writes: 0,
    rewrites: 0,
    reads: 0,
    frees: 0,
    skippedReads: 0,
    skippedFrees: 0,
    discards: 0,
    skippedDiscards: 0,
    discardedInUse: 0,
    failedWrites: 0,
    failedReads: 0,
  };
  /** Pages that were not read as they were written. */
  integrityErrors = 0;
  /** The first few of them, in words. */
  readonly reports: string[] = [];
  /** Slots of the trace in use whose contents are there. */
  storedLive = 0;
  private readonly parts: ReplayerParts;
  private readonly live = new LiveSlots<PlacedPage>();

  /** @param parts - what rows are done with */
  constructor(parts: ReplayerParts) {
    this.parts = parts;
  }

  /** Slots of the trace in use. */
  get liveSlots(): number {
    return this.live.size;
  }

  /**
   * Does a row.
   * @param row - the next one
   * @param tUs - its moment in the trace
   */
  do(row: Readonly<TraceRow>, tUs: number): void {
    this.counts.rows++;
    const { slot, n } = row;
    if (row.op === 'W') for (let each = slot; each < slot + n; each++) this.write(each, tUs);
    else if (row.op === 'R') this.readRun(slot, n);
    else if (row.op === 'F') this.freeRun(slot, n);
    else this.discardRun(slot, n);
  }

  /** Frees all slots in use, as when their owners end. */
  freeAll(): void {
    for (const slot of this.live.slots()) this.free(slot);
  }

  private write(slot: number, tUs: number): void {
    const { target, bank, contents, from } = this.parts;
    const before = this.live.get(slot);
    const place = before?.place ?? target.take(slot);
    const write = ++this.counts.writes;
    if (before !== undefined) this.counts.rewrites++;
    if (place === 0) {
      this.fail(`slot ${String(slot)}, write ${String(write)}: there is no free slot for it`);
      return;
    }
    const page: PlacedPage = { write, slot, page: bank.choose(write, tUs), place, lost: false };
    contents.fill(page, from);
    const error = target.write(place, from);
    if (before === undefined) target.settle(place, error === 0);
    else if (!before.lost) this.storedLive--;
    if (error === 0) {
      this.live.set(slot, page);
      this.storedLive++;
      return;
    }
    this.fail(`slot ${String(slot)}, write ${String(write)}: it cannot be stored, errno ${String(-error)}`);
    if (before !== undefined) target.free(place);
    this.live.delete(slot);
  }

  private fail(sentence: string): void {
    this.counts.failedWrites++;
    this.report(sentence);
  }

  private readRun(slot: number, n: number): void {
    const found = this.live.within(slot, n);
    this.counts.skippedReads += n - found.length;
    for (const each of found) this.read(each);
  }

  private read(slot: number): void {
    const { target, contents, to } = this.parts;
    const page = this.live.get(slot);
    if (page === undefined || page.lost) {
      this.counts.skippedReads++;
      return;
    }
    this.counts.reads++;
    contents.spoil(page, to);
    const error = target.read(page.place, to);
    if (error !== 0) {
      this.counts.failedReads++;
      this.report(`slot ${String(slot)}: it cannot be read, errno ${String(-error)}`);
    } else if (!contents.matches(to)) {
      this.integrityErrors++;
      this.report(contents.describe(page, to));
    }
  }

  private freeRun(slot: number, n: number): void {
    const found = this.live.within(slot, n);
    this.counts.skippedFrees += n - found.length;
    this.counts.frees += found.length;
    for (const each of found) this.free(each);
  }

  private free(slot: number): void {
    const page = this.live.get(slot);
    if (page === undefined) return;
    this.live.delete(slot);
    if (!page.lost) this.storedLive--;
    this.parts.target.free(page.place);
  }

  private discardRun(slot: number, n: number): void {
    const { ownerTrims, recorded, target } = this.parts;
    if (ownerTrims) this.freeRun(slot, n);
    else if (!recorded) this.counts.skippedDiscards += n;
    if (!recorded) return;
    for (const each of this.live.within(slot, n)) {
      const page = this.live.get(each);
      if (page === undefined || page.lost) continue;
      this.live.set(each, { ...page, lost: true });
      this.storedLive--;
      this.counts.discardedInUse++;
    }
    this.counts.discards += target.discard(slot, n);
  }

  private report(sentence: string): void {
    if (this.reports.length < REPORTS_MAX) this.reports.push(sentence);
  }
}
