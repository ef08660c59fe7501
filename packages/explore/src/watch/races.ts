/**
 * Data races, by FastTrack: two accesses of one cell, one of them a store, that nothing orders. The race need not do any harm in the schedule
 * in which it is seen.
 *
 * Each task has a vector clock; what is released by one and acquired by another orders them. For each cell the last store and the last load are
 * remembered as an epoch, task and clock in one word; only cells that several tasks load without order between them get a whole vector of
 * loads. Since only one task runs at a time, no locks are needed, which is most of what this costs elsewhere.
 * (Flanagan and Freund, FastTrack: Efficient and Precise Dynamic Race Detection, 2009.)
 *
 * Promise: no false alarm as long as it is told of every edge, and the first race of each schedule is found, but for those with an access that is
 * tagged `@racy`, which is left out altogether. A cell is an address: accesses of different width at one address are of one cell, neighbours are
 * others. Atomic accesses order, and do not race.
 *
 * Cells and objects lie in one open hash table in the shared words. Entries carry the number of their schedule, so that beginning one costs
 * nothing. When a schedule has more cells or objects than there is room for, the rest of it is not looked at.
 */
import type { Site } from '@swaplab/kernel-mm';
import { SITE_RACY, type SiteTable } from './site-facts.js';
import type { Findings } from './findings.js';

// Words before the arrays.
/** Number of the schedule, from 1 on. */
const STAMP = 0;
const ENTRIES_USED = 1;
const VECTORS_USED = 2;
/** Whether there was no more room in this schedule. */
const FULL = 3;
const HEAD_WORDS = 8;

// Words of an entry.
const ADDRESS = 0;
const ENTRY_STAMP = 1;
/** Epoch of the last store, 0 for none, and its site. */
const STORE = 2;
const STORE_SITE = 3;
/** Epoch of the last load, 0 for none; SHARED when there is a vector. */
const LOAD = 4;
const LOAD_SITE = 5;
/** First word of the vector of loads: their clocks, then their sites. */
const LOADS = 6;
/** First word of the clock that was released here, 0 for none. */
const CLOCK = 7;
const ENTRY_SHIFT = 3;
const SHARED = -1;

// An epoch: the clock above the task.
const TASK_BITS = 8;
const TASK_MASK = 0xff;

const ENTRIES_MIN = 1 << 10;
const ENTRIES_MAX = 1 << 18;
const VECTORS_MAX = 1 << 13;
const GOLDEN = 0x9e37_79b1;

/** How many words the detector needs for schedules of some size. */
export interface RaceSizes {
  /** Number of tasks, at most 32. */
  readonly tasks: number;
  /** Steps of a schedule at most: it cannot have more cells. */
  readonly stepLimit: number;
}

function entryCount(stepLimit: number): number {
  const wanted = 1 << (32 - Math.clz32(Math.min(stepLimit, ENTRIES_MAX)));
  return Math.min(ENTRIES_MAX, Math.max(ENTRIES_MIN, wanted));
}

function vectorCount(stepLimit: number): number {
  return Math.min(stepLimit + 1, VECTORS_MAX);
}

/** Number of words of {@link Races}. */
export function raceWords({ tasks, stepLimit }: RaceSizes): number {
  return (
    HEAD_WORDS +
    tasks * tasks +
    (entryCount(stepLimit) << ENTRY_SHIFT) +
    2 * tasks * (vectorCount(stepLimit) + 1)
  );
}

/** The detector, as one thread has it. */
export class Races {
  private readonly words: Int32Array;
  private readonly tasks: number;
  private readonly sites: SiteTable;
  private readonly findings: Findings;
  /** First word of the entries, and the one behind the last. */
  private readonly entries: number;
  private readonly entriesEnd: number;
  private readonly entriesMost: number;
  private readonly shift: number;
  private readonly vectors: number;
  private readonly vectorsMost: number;

  /**
   * @param words - {@link raceWords} of zeros at first, shared by the group
   * @param sizes - as they were made
   * @param sites - which races are intended
   * @param findings - for reports
   */
  constructor(words: Int32Array, sizes: RaceSizes, sites: SiteTable, findings: Findings) {
    const { tasks, stepLimit } = sizes;
    const count = entryCount(stepLimit);
    this.words = words;
    this.tasks = tasks;
    this.sites = sites;
    this.findings = findings;
    this.entries = HEAD_WORDS + tasks * tasks;
    this.entriesEnd = this.entries + (count << ENTRY_SHIFT);
    this.entriesMost = count - (count >> 2);
    this.shift = Math.clz32(count - 1);
    this.vectors = this.entriesEnd;
    this.vectorsMost = vectorCount(stepLimit);
  }

  /** A schedule begins: what was done before happened before all of it. */
  begin(): void {
    const { words, tasks } = this;
    this.forgetEntries();
    words[ENTRIES_USED] = 0;
    words[VECTORS_USED] = 0;
    words[FULL] = 0;
    words.fill(0, HEAD_WORDS, this.entries);
    for (let task = 0; task < tasks; task++) words[HEAD_WORDS + task * tasks + task] = 1;
  }

  /**
   * A task loads a cell.
   * @param task - which
   * @param address - of the cell
   * @param site - where
   */
  load(task: number, address: number, site: Site): void {
    const { words } = this;
    const entry = this.entryOf(address);
    if (entry < 0) return;
    const clocks = HEAD_WORDS + task * this.tasks;
    const clock = words[clocks + task]!;
    const epoch = (clock << TASK_BITS) | task;
    const before = words[entry + LOAD]!;
    if (before === epoch) return;
    if ((this.sites.bitsOf(site) & SITE_RACY) !== 0) return;
    const store = words[entry + STORE]!;
    if (store >>> TASK_BITS > words[clocks + (store & TASK_MASK)]!)
      this.report(address, store & TASK_MASK, 'stores', words[entry + STORE_SITE]!, task, 'loads', site);
    if (before === SHARED) {
      this.noteShared(words[entry + LOADS]!, task, clock, site);
      return;
    }
    if (before >>> TASK_BITS > words[clocks + (before & TASK_MASK)]!) {
      const vector = this.newVector();
      if (vector < 0) return;
      this.noteShared(vector, before & TASK_MASK, before >>> TASK_BITS, words[entry + LOAD_SITE]!);
      this.noteShared(vector, task, clock, site);
      words[entry + LOADS] = vector;
      words[entry + LOAD] = SHARED;
      return;
    }
    words[entry + LOAD] = epoch;
    words[entry + LOAD_SITE] = site;
  }

  /**
   * A task stores a cell.
   * @param task - which
   * @param address - of the cell
   * @param site - where
   */
  store(task: number, address: number, site: Site): void {
    const { words } = this;
    const entry = this.entryOf(address);
    if (entry < 0) return;
    const clocks = HEAD_WORDS + task * this.tasks;
    const epoch = (words[clocks + task]! << TASK_BITS) | task;
    const before = words[entry + STORE]!;
    if (before === epoch) return;
    if ((this.sites.bitsOf(site) & SITE_RACY) !== 0) return;
    if (before >>> TASK_BITS > words[clocks + (before & TASK_MASK)]!)
      this.report(address, before & TASK_MASK, 'stores', words[entry + STORE_SITE]!, task, 'stores', site);
    const load = words[entry + LOAD]!;
    if (load === SHARED) {
      this.checkShared(words[entry + LOADS]!, clocks, address, task, site);
      words[entry + LOAD] = 0;
    } else if (load >>> TASK_BITS > words[clocks + (load & TASK_MASK)]!) {
      this.report(address, load & TASK_MASK, 'loads', words[entry + LOAD_SITE]!, task, 'stores', site);
    }
    words[entry + STORE] = epoch;
    words[entry + STORE_SITE] = site;
  }

  /**
   * What a task does from now on comes after what was released at an object.
   * @param task - which
   * @param object - its address
   */
  acquire(task: number, object: number): void {
    const entry = this.findEntry(object);
    if (entry < 0) return;
    const clock = this.words[entry + CLOCK]!;
    if (clock !== 0) this.join(HEAD_WORDS + task * this.tasks, clock);
  }

  /**
   * Whoever acquires an object from now on comes after what a task has done so far.
   * @param task - which
   * @param object - its address
   */
  release(task: number, object: number): void {
    const { words } = this;
    const entry = this.entryOf(object);
    if (entry < 0) return;
    const clocks = HEAD_WORDS + task * this.tasks;
    let clock = words[entry + CLOCK]!;
    if (clock === 0) {
      clock = this.newVector();
      if (clock < 0) return;
      words[entry + CLOCK] = clock;
    }
    this.join(clock, clocks);
    words[clocks + task]! += 1;
  }

  /** Takes the later of each two clocks. */
  private join(to: number, from: number): void {
    const { words, tasks } = this;
    for (let index = 0; index < tasks; index++) {
      const other = words[from + index]!;
      if (other > words[to + index]!) words[to + index] = other;
    }
  }

  private noteShared(vector: number, task: number, clock: number, site: Site): void {
    const { words, tasks } = this;
    if (words[vector + task] === clock) return;
    words[vector + task] = clock;
    words[vector + tasks + task] = site;
  }

  /** Whether all loads of a cell come before a store of it. */
  private checkShared(vector: number, clocks: number, address: number, task: number, site: Site): void {
    const { words, tasks } = this;
    for (let other = 0; other < tasks; other++) {
      if (words[vector + other]! > words[clocks + other]!)
        this.report(address, other, 'loads', words[vector + tasks + other]!, task, 'stores', site);
    }
  }

  /** First word of the entry of an address, made when there is none; -1 when there is no room. */
  private entryOf(address: number): number {
    const { words, entriesEnd } = this;
    const stamp = words[STAMP]!;
    let entry = this.entries + ((Math.imul(address, GOLDEN) >>> this.shift) << ENTRY_SHIFT);
    while (words[entry + ENTRY_STAMP] === stamp) {
      if (words[entry + ADDRESS] === address) return entry;
      entry += 1 << ENTRY_SHIFT;
      if (entry === entriesEnd) entry = this.entries;
    }
    return this.newEntry(entry, address, stamp);
  }

  /** The same, but -1 when there is none. */
  private findEntry(address: number): number {
    const { words, entriesEnd } = this;
    const stamp = words[STAMP]!;
    let entry = this.entries + ((Math.imul(address, GOLDEN) >>> this.shift) << ENTRY_SHIFT);
    while (words[entry + ENTRY_STAMP] === stamp) {
      if (words[entry + ADDRESS] === address) return entry;
      entry += 1 << ENTRY_SHIFT;
      if (entry === entriesEnd) entry = this.entries;
    }
    return -1;
  }

  private newEntry(entry: number, address: number, stamp: number): number {
    const { words } = this;
    if (words[FULL] !== 0) return -1;
    if (words[ENTRIES_USED]! >= this.entriesMost) return this.full();
    words[ENTRIES_USED]! += 1;
    words[entry + ADDRESS] = address;
    words[entry + ENTRY_STAMP] = stamp;
    words[entry + STORE] = 0;
    words[entry + LOAD] = 0;
    words[entry + CLOCK] = 0;
    return entry;
  }

  /** First word of a vector of zeros, -1 when there is no room. */
  private newVector(): number {
    const { words, tasks } = this;
    if (words[VECTORS_USED]! >= this.vectorsMost) return this.full();
    const vector = this.vectors + words[VECTORS_USED]! * 2 * tasks;
    words[VECTORS_USED]! += 1;
    // A loop: there are a few words, and a call of fill() on shared memory costs more.
    for (let index = 0; index < 2 * tasks; index++) words[vector + index] = 0;
    return vector;
  }

  /** Once something is left out an edge may be missing: nothing that is seen afterwards could be trusted. */
  private full(): number {
    this.words[FULL] = 1;
    this.forgetEntries();
    return -1;
  }

  private forgetEntries(): void {
    const { words } = this;
    const stamp = (words[STAMP]! + 1) & 0x7fff_ffff;
    if (stamp === 0) words.fill(0, this.entries, this.entriesEnd);
    words[STAMP] = stamp === 0 ? 1 : stamp;
  }

  private report(
    address: number,
    first: number,
    firstVerb: string,
    firstSite: Site,
    second: number,
    secondVerb: string,
    secondSite: Site,
  ): never {
    const { findings } = this;
    const one = findings.deed(first, `${firstVerb} it`, firstSite);
    const other = findings.deed(second, `${secondVerb} it`, secondSite);
    return findings.report(
      'data race',
      `Data race on ${findings.object(address)}: ${one}, ${other}, and nothing orders the two.`,
      'No lock that both hold, no atomic operation and no wake-up lies between them; in another schedule they come the other way round.',
    );
  }
}
