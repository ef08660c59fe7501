/**
 * Putting the stage back between two schedules.
 *
 * A machine has some hundred kilobytes of state, of which a short schedule changes one or two. So it is learned which lines of memory schedules
 * change, only those are put back, and every {@link VERIFY_EVERY} schedules all of it is compared with what it should be.
 *
 * Promise: every schedule that counts began with exactly the first state. When the comparison finds a line that nobody had changed before, the
 * schedules since the last one may have begun with another state in it: they are played again, with everything put back before each. A job that must be
 * exact (a replay, a search that is to be complete, hashes) has everything put back each time. A failure is only believed when its schedule began with
 * a state that is sure; else the schedules since the last comparison are played again, and it with them.
 *
 * All page frames are part of it, also the free ones: code that is wrong reads freed memory, and must read the same each time.
 */
import type { Core } from '@swaplab/kernel-mm';

/** Schedules between two comparisons. */
export const VERIFY_EVERY = 256;
/** Schedules at the beginning of a job after each of which all is compared. */
const LEARN_FIRST = 16;
/** Words of a line. */
const LINE_WORDS = 16;
/** Lines that lie at most so far apart are put back together. */
const GAP_LINES = 1;

/** Places in the words that the threads of a group share, before the flags of the lines. */
const VERSION = 0;
const SINCE = 1;
const EXACT_LEFT = 2;
const HEAD_WORDS = 8;

/** The first state of a stage, and what is known about its changes; all threads of a group share it. */
export interface ResetBase {
  /** First word and end of each part of the memory: control sections, then page frames. */
  readonly parts: readonly (readonly [from: number, to: number])[];
  /** The words of all parts, one after the other. */
  readonly words: Int32Array;
  /** Version of the flags, schedules since the last comparison, schedules to be exact; then one flag a line. */
  readonly lines: Int32Array;
}

/**
 * Takes the first state of a stage.
 * @param core - of any thread on it
 * @param shared - whether several threads share what is returned
 */
export function takeBase({ cells, context }: Core, shared: boolean): ResetBase {
  const hot = context.layout.extent('hot');
  const cold = context.layout.extent('cold');
  const frames = context.layout.extent('frames');
  const parts = [
    [hot.base >> 2, (hot.base + hot.bytes) >> 2],
    [cold.base >> 2, (cold.base + cold.bytes) >> 2],
    [frames.base >> 2, (frames.base + frames.bytes) >> 2],
  ] as const;
  let length = 0;
  for (const [from, to] of parts) length += to - from;
  const words = makeWords(length, shared);
  let at = 0;
  for (const [from, to] of parts) {
    words.set(cells.arena.i32.subarray(from, to), at);
    at += to - from;
  }
  return { parts, words, lines: makeWords(HEAD_WORDS + Math.ceil(length / LINE_WORDS), shared) };
}

/** Puts the stage back, for one thread. */
export class Resetter {
  private readonly i32: Int32Array;
  private readonly base: ResetBase;
  /** First word in memory, end, and first word in the base of each range that is put back. */
  private ranges: Int32Array = new Int32Array(0);
  private version = -1;

  /**
   * @param core - of this thread
   * @param base - of the stage
   */
  constructor(core: Core, base: ResetBase) {
    this.i32 = core.cells.arena.i32;
    this.base = base;
  }

  /** A job begins. Its first schedules show most of the lines, so all of it is compared after each of them. */
  start(): void {
    this.base.lines[SINCE] = 0;
    this.base.lines[EXACT_LEFT] = LEARN_FIRST;
  }

  /** Whether the state is the first one for sure: it was compared, or put back as a whole, since the last schedule. */
  isSure(): boolean {
    return this.base.lines[SINCE] === 0;
  }

  /**
   * The present schedule has failed, and its first state is not sure: puts everything back.
   * @returns how many of the schedules before must be played again, besides this one
   */
  doubt(): number {
    const { lines } = this.base;
    const since = lines[SINCE]!;
    lines[SINCE] = 0;
    this.learn();
    lines[EXACT_LEFT] = since + 1;
    return since;
  }

  /**
   * The present schedule was left in its middle, and is to be played anew: puts everything back.
   * @returns how many of the schedules before must be played again; 0 as a rule
   */
  leave(): number {
    const { lines } = this.base;
    const since = lines[SINCE]!;
    lines[SINCE] = 0;
    if (!this.learn() || since === 0) return 0;
    lines[EXACT_LEFT] = since;
    return since;
  }

  /**
   * Puts everything back.
   * @param exact - whether all of it is put back, whatever is known
   * @param last - whether no schedule follows
   * @returns how many of the schedules before must be played again; 0 as a rule
   */
  reset(exact: boolean, last: boolean): number {
    const { lines } = this.base;
    if (exact) {
      this.restoreAll();
      lines[SINCE] = 0;
      return 0;
    }
    if (lines[EXACT_LEFT]! > 0) {
      lines[EXACT_LEFT]! -= 1;
      this.learn();
      return 0;
    }
    this.restoreKnown();
    lines[SINCE]! += 1;
    if (lines[SINCE]! < VERIFY_EVERY && !last) return 0;
    const since = lines[SINCE]!;
    lines[SINCE] = 0;
    // The present schedule is one of them. Before the first comparison all is new, and its schedules are not trusted either.
    if (!this.learn()) return 0;
    lines[EXACT_LEFT] = since;
    return since;
  }

  private restoreAll(): void {
    const { parts, words } = this.base;
    let at = 0;
    for (const [from, to] of parts) {
      this.i32.set(words.subarray(at, at + to - from), from);
      at += to - from;
    }
  }

  private restoreKnown(): void {
    if (this.version !== this.base.lines[VERSION]) this.readRanges();
    const { i32, ranges } = this;
    const { words } = this.base;
    for (let range = 0; range < ranges.length; range += 3) {
      const end = ranges[range + 1]!;
      let from = ranges[range + 2]!;
      for (let to = ranges[range]!; to < end; to++) i32[to] = words[from++]!;
    }
  }

  /**
   * Compares everything, and puts back what differs.
   * @returns whether a line differed that was not known
   */
  private learn(): boolean {
    const { i32 } = this;
    const { parts, words, lines } = this.base;
    let found = false;
    let at = 0;
    for (const [from, to] of parts) {
      for (let word = from; word < to; word++, at++) {
        if (i32[word] === words[at]) continue;
        i32[word] = words[at]!;
        const line = HEAD_WORDS + Math.floor(at / LINE_WORDS);
        if (lines[line] !== 0) continue;
        lines[line] = 1;
        found = true;
      }
    }
    if (found) lines[VERSION]! += 1;
    return found;
  }

  /** From the flags of the lines to ranges of words. */
  private readRanges(): void {
    const { parts, lines } = this.base;
    this.version = lines[VERSION]!;
    const ranges: number[] = [];
    let at = 0;
    for (const [from, to] of parts) {
      const length = to - from;
      let end = -1;
      for (let line = Math.floor(at / LINE_WORDS); line * LINE_WORDS < at + length; line++) {
        if (lines[HEAD_WORDS + line] === 0) continue;
        const first = Math.max(line * LINE_WORDS, at);
        const last = Math.min((line + 1) * LINE_WORDS, at + length);
        if (end >= 0 && first - end <= GAP_LINES * LINE_WORDS) ranges[ranges.length - 2] = from + last - at;
        else ranges.push(from + first - at, from + last - at, first);
        end = last;
      }
      at += length;
    }
    this.ranges = Int32Array.from(ranges);
  }
}

function makeWords(length: number, shared: boolean): Int32Array {
  const bytes = length * Int32Array.BYTES_PER_ELEMENT;
  return new Int32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
}
