/**
 * An area of the pure model: its slots, and what its counters and bounds become when one is taken or freed. Nothing here knows of other areas.
 */

/** Bits of {@link ModelArea.state}. */
export const CACHED = 1;
export const SHMEM = 2;
export const BAD = 4;

/** Slots of a cluster. */
export const CLUSTER = 256;

/** Users that the map byte counts; above, they are counted in digits of 128 on further pages, each for so many slots. */
const LOW_DIGIT = 63;
const HIGH_DIGIT = 128;
const MAP_PAGE = 4096;

/** What swapon is told. */
export interface ModelAreaShape {
  readonly lastPage: number;
  readonly prio: number | null;
  readonly nonrot: boolean;
  readonly discard: boolean;
  readonly random32: number;
  readonly badpages: readonly number[];
}

/** Pages that a count needs besides the map byte. */
function digitPagesFor(users: number): number {
  let pages = 0;
  for (let limit = LOW_DIGIT; users >= limit; limit *= HIGH_DIGIT) pages++;
  return pages;
}

/** An area. */
export class ModelArea {
  readonly type: number;
  prio: number;
  readonly solid: boolean;
  readonly discards: boolean;
  /** Slots, slot 0 included. */
  readonly max: number;
  /** Usable slots. */
  readonly pages: number;
  inuse = 0;
  lowest = 1;
  highest: number;
  /** Where the next allocation starts. */
  next: number;
  /** Allocations left before a cluster is looked for. */
  countdown = 0;
  /** Users of each slot. */
  readonly users: Int32Array;
  /** What else is true of it. */
  readonly state: Uint8Array;
  /** Pages of higher digits, for each 4096 slots. */
  readonly digitPages: number[];

  constructor(type: number, prio: number, shape: ModelAreaShape) {
    const { lastPage, badpages } = shape;
    this.type = type;
    this.prio = prio;
    this.solid = shape.nonrot;
    this.discards = shape.discard;
    this.max = lastPage + 1;
    this.pages = lastPage - new Set(badpages).size;
    this.highest = lastPage;
    this.next = shape.nonrot ? 1 + (shape.random32 % lastPage) : 1;
    this.users = new Int32Array(this.max);
    this.state = new Uint8Array(this.max);
    for (const slot of [0, ...badpages]) this.state[slot] = BAD;
    this.digitPages = Array.from({ length: Math.ceil(this.max / MAP_PAGE) }, () => 0);
  }

  isFree(slot: number): boolean {
    return this.users[slot] === 0 && this.state[slot] === 0;
  }

  /** Whether the swap cache is all that holds a slot. */
  isCacheOnly(slot: number): boolean {
    return this.users[slot] === 0 && this.state[slot] === CACHED;
  }

  /** Whether there is something in a slot. */
  isReadable(slot: number): boolean {
    return !this.isFree(slot) && !this.is(slot, BAD);
  }

  /** Whether a bit of the state of a slot is set. */
  is(slot: number, bits: number): boolean {
    return (this.state[slot]! & bits) !== 0;
  }

  clear(slot: number, bit: number): void {
    this.state[slot]! &= ~bit;
  }

  /** The map byte of a slot. */
  byte(slot: number): number {
    const users = this.users[slot]!;
    const cached = this.is(slot, CACHED) ? 0x40 : 0;
    if (this.is(slot, BAD)) return 0x3f | cached;
    if (this.is(slot, SHMEM)) return 0xbf | cached;
    return (users % LOW_DIGIT) | (users < LOW_DIGIT ? 0 : 0x80) | cached;
  }

  /** Whether the next user of a slot has to be counted in a higher digit. */
  isFullCount(slot: number): boolean {
    return !this.is(slot, SHMEM | BAD) && this.users[slot]! % LOW_DIGIT === LOW_DIGIT - 1;
  }

  /** Whether one more user can be counted. */
  hasRoom(slot: number): boolean {
    if (!this.isFullCount(slot)) return true;
    return this.digitPages[Math.floor(slot / MAP_PAGE)]! >= digitPagesFor(this.users[slot]! + 1);
  }

  /** Makes room for one more digit of the counts of the slots around one. */
  addDigitPage(slot: number): void {
    this.digitPages[Math.floor(slot / MAP_PAGE)]!++;
  }

  /** First of as many free slots in a row as a cluster has, within a range; 0 for none. */
  findRun(first: number, last: number): number {
    let run = 0;
    for (let slot = first; slot <= last; slot++) {
      run = this.isFree(slot) ? run + 1 : 0;
      if (run === CLUSTER) return slot - CLUSTER + 1;
    }
    return 0;
  }

  /** A free slot is taken, for the swap cache or for a plain user. */
  occupy(slot: number, cached: boolean): void {
    if (cached) this.state[slot] = CACHED;
    else this.users[slot] = 1;
    if (slot === this.lowest) this.lowest++;
    if (slot === this.highest) this.highest--;
    this.inuse++;
    if (this.inuse === this.pages) {
      this.lowest = this.max;
      this.highest = 0;
    }
    this.next = slot + 1;
  }

  /** A slot has become free. */
  vacate(slot: number): void {
    this.lowest = Math.min(this.lowest, slot);
    this.highest = Math.max(this.highest, slot);
    this.inuse--;
  }
}
