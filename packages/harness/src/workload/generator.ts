/**
 * The steps of one swapper, one at a time.
 *
 * Promises: with equal parameters the same steps come in the same order; exactly `plan.ops` steps come in each lap; a page is
 * read only while it is mapped; a dropped range holds at least one mapped page; every step does something. `next`
 * allocates nothing.
 *
 * A swapper has one process, or a few that fork from each other; each step says which of them does it.
 *
 * Callers must carry out each step, or tell the generator with `processReplaced` that the process is gone, or with
 * `forkFailed` that there is no child.
 */
import { Random } from '../random.js';
import { ProcessFamily } from './family.js';
import type { MappedPages } from './mapped-pages.js';
import {
  CHUNK_PAGES,
  firstHotPage,
  planWorkload,
  type Phase,
  type WorkloadName,
  type WorkloadPlan,
} from './plan.js';

/** Read page `OP_PAGE` and check what it contains. */
export const OP_READ = 1;
/** Write all of page `OP_PAGE`, which may be mapped or not. */
export const OP_WRITE = 2;
/** Unmap the `OP_COUNT` pages from `OP_PAGE` on; some of them may be unmapped already. */
export const OP_DROP = 3;
/** The process exits and a new one, with nothing mapped, takes its place. */
export const OP_EXIT = 4;
/** The process forks; its child takes the free place `OP_PAGE`. */
export const OP_FORK = 5;
/** The process exits and its place becomes free; another process of the swapper is left. */
export const OP_END = 6;

/** The kind of a step. */
export type OpKind =
  typeof OP_READ | typeof OP_WRITE | typeof OP_DROP | typeof OP_EXIT | typeof OP_FORK | typeof OP_END;

/** Index in an op record: the kind of the step, `OP_READ` to `OP_END`. */
export const OP_KIND = 0;
/** Index in an op record: the first virtual page number; for `OP_FORK` the place of the child; 0 for `OP_EXIT` and `OP_END`. */
export const OP_PAGE = 1;
/** Index in an op record: how many pages; 0 for `OP_EXIT`, `OP_FORK` and `OP_END`. */
export const OP_COUNT = 2;
/** Index in an op record: the place of the process that does the step, 0 where a swapper has only one. */
export const OP_PROCESS = 3;
/** How many 32-bit words an op record has. */
export const OP_RECORD_WORDS = 4;

/** What the steps of a swapper depend on. */
export interface WorkloadParameters {
  readonly workload: WorkloadName;
  /** How many virtual pages the swapper may map, at least 1; see `WorkloadPlan.pages` for what a process has of them. */
  readonly pages: number;
  /** How many ops this swapper has. */
  readonly ops: number;
  /** The seed of the run, an unsigned 32-bit integer. */
  readonly seed: number;
  /** Which swapper it is, from 0 on. */
  readonly swapper: number;
}

/** Pages that one round of the churn phase drops and fills again; at most an eighth of the process. */
const CHURN_ROUND_PAGES = 64;

/** Of so many steps of a swapper that forks, so many are forks, and so many ends, where they are possible. */
const FORK_OF_STEPS = 1000;
const FORK_STEPS = 15;
const END_STEPS = 15;

/** The steps of one swapper. */
export class WorkloadGenerator {
  /** The division of the steps into phases and the checkpoints. */
  readonly plan: WorkloadPlan;

  readonly #parameters: WorkloadParameters;
  #random: Random;
  readonly #family: ProcessFamily;
  /** The process that does the step, and its pages. */
  #process = 0;
  #mapped: MappedPages;
  #done = 0;
  #phaseIndex = -1;
  #phaseEnd = 0;
  /** How many pages are to be mapped when the phase ends, for phases that free. */
  #target = 0;
  /** Pages that the round of churn under way has still to drop, then to fill. */
  #churnToDrop = 0;
  #churnToFill = 0;
  /** Where the sequential phases are. */
  #cursor = 0;
  readonly #storm: Storm;

  /** @param parameters - what the steps depend on */
  constructor(parameters: WorkloadParameters) {
    this.plan = planWorkload(parameters.workload, parameters.pages, parameters.ops);
    this.#parameters = parameters;
    this.#random = randomOf(parameters);
    this.#family = new ProcessFamily(this.plan.processes, this.plan.pages, this.plan.startsWith);
    this.#mapped = this.#family.pagesOf(0);
    this.#storm = new Storm(this.plan);
  }

  /**
   * Begins the same phases again, with processes that map nothing and random numbers of their own.
   *
   * @param lap - from 1 on; the steps depend on it
   */
  beginLap(lap: number): void {
    this.#random = randomOf(this.#parameters).fork(`lap ${String(lap)}`);
    this.#family.reset();
    this.#process = 0;
    this.#mapped = this.#family.pagesOf(0);
    this.#done = 0;
    this.#phaseIndex = -1;
    this.#phaseEnd = 0;
    this.#storm.reset();
  }

  /** How many ops were given out, in the lap under way. */
  get done(): number {
    return this.#done;
  }

  /** How many pages are mapped, as far as the generator knows; a page that several processes share counts for each. */
  get mappedPages(): number {
    return this.#family.mapped;
  }

  /**
   * Gives out the next step.
   *
   * @param record - `OP_RECORD_WORDS` words of the caller, overwritten
   * @returns false, with the record untouched, when all ops were given out
   */
  next(record: Int32Array): boolean {
    if (this.#done >= this.plan.ops) return false;
    while (this.#done >= this.#phaseEnd) this.#enterPhase(this.#phaseIndex + 1);
    const phase = this.plan.phases[this.#phaseIndex] as Phase;
    const left = this.#phaseEnd - this.#done;
    this.#done++;
    switch (phase.name) {
      case 'fill':
        this.#fill(record);
        break;
      case 'read':
      case 'read again':
        this.#readOrWrite(record, OP_READ);
        break;
      case 'rewrite':
        this.#readOrWrite(record, OP_WRITE);
        break;
      case 'free chunks':
        this.#free(record, left, true);
        break;
      case 'free singly':
      case 'free half':
        this.#free(record, left, false);
        break;
      case 'free the rest':
        this.#freeTheRest(record, left);
        break;
      case 'work':
        this.#work(record);
        break;
      case 'churn':
        if (this.plan.workload === 'churn') this.#mix(record);
        else this.#churn(record);
        break;
      case 'fork':
        this.#forkAndMix(record);
        break;
      case 'exit storm':
        if (this.#storm.comesAt(this.#done - 1)) this.#storm.toExit = this.plan.processes;
        this.#exitOrGrow(record);
        break;
      case 'fork storm':
        if (this.#storm.comesAt(this.#done - 1)) this.#storm.beginFamily();
        this.#endOrFork(record);
        break;
    }
    record[OP_PROCESS] = this.#process;
    return true;
  }

  /**
   * Tells the generator that a process was killed and replaced by a new one with nothing mapped.
   *
   * @param process - its place
   */
  processReplaced(process = 0): void {
    this.#family.pagesOf(process).clear();
    this.#cursor = 0;
  }

  /**
   * Tells the generator that the child it has just asked for does not exist.
   *
   * @param child - its place, as the step said
   */
  forkFailed(child: number): void {
    this.#family.end(child);
    // A family for which there is no more room does without.
    this.#storm.fillsAndForks = false;
  }

  #enterPhase(index: number): void {
    const phase = this.plan.phases[index] as Phase;
    const mapped = this.#mapped.mapped;
    this.#phaseIndex = index;
    this.#phaseEnd = phase.start + phase.ops;
    this.#cursor = 0;
    this.#churnToDrop = 0;
    this.#churnToFill = 0;
    this.#target = 0;
    if (phase.name === 'free chunks') this.#target = mapped - Math.floor(mapped / 4);
    // A quarter of all pages: a third of the three quarters that the phase before has left.
    if (phase.name === 'free singly') this.#target = mapped - Math.floor(mapped / 3);
    if (phase.name === 'free half') this.#target = mapped - Math.floor(mapped / 2);
  }

  #fill(record: Int32Array): void {
    while (this.#cursor < this.#mapped.pages && this.#mapped.has(this.#cursor)) this.#cursor++;
    if (this.#cursor < this.#mapped.pages) this.#write(record, this.#cursor);
    else this.#write(record, this.#mapped.randomMapped(this.#random));
  }

  /** A read or a write of a random mapped page. After a kill nothing may be mapped: then the process starts anew. */
  #readOrWrite(record: Int32Array, kind: typeof OP_READ | typeof OP_WRITE): void {
    if (this.#mapped.mapped === 0) {
      this.#write(record, this.#mapped.randomUnmapped(this.#random));
    } else if (kind === OP_WRITE) {
      this.#write(record, this.#mapped.randomMapped(this.#random));
    } else {
      this.#read(record);
    }
  }

  /** Reads and writes the hot pages only; the others stay as they were filled. */
  #work(record: Int32Array): void {
    const first = firstHotPage(this.#mapped.pages);
    const page = first + this.#random.below(this.#mapped.pages - first);
    if (!this.#mapped.has(page) || this.#random.chance(2, 5)) {
      this.#write(record, page);
    } else {
      record[OP_KIND] = OP_READ;
      record[OP_PAGE] = page;
      record[OP_COUNT] = 1;
    }
  }

  /** Frees so many pages a step that the target is reached with the last step of the phase. */
  #free(record: Int32Array, left: number, chunks: boolean): void {
    const surplus = this.#mapped.mapped - this.#target;
    if (surplus <= 0) {
      this.#readOrWrite(record, OP_READ);
      return;
    }
    const wanted = Math.ceil(surplus / left);
    const first = this.#mapped.randomMapped(this.#random);
    if (chunks) {
      this.#dropMapped(record, first - (first % CHUNK_PAGES), wanted, Math.max(CHUNK_PAGES, wanted));
    } else {
      this.#dropMapped(record, first, wanted, this.#mapped.pages);
    }
  }

  /**
   * Frees what is left, in order of addresses, so that nothing is mapped after the last step. When there are more
   * steps than pages, pages are written first; an odd step is a read.
   */
  #freeTheRest(record: Int32Array, left: number): void {
    const mapped = this.#mapped.mapped;
    if (left > mapped + 1 && mapped < this.#mapped.pages) {
      this.#write(record, this.#mapped.randomUnmapped(this.#random));
    } else if (left > mapped && mapped > 0) {
      this.#read(record);
    } else if (mapped === 0) {
      this.#exit(record);
    } else {
      this.#dropMapped(record, this.#cursor, Math.ceil(mapped / left), this.#mapped.pages);
      this.#cursor = (record[OP_PAGE] as number) + (record[OP_COUNT] as number);
    }
  }

  /** Rounds that drop 64 pages, some singly and some in runs, and write as many again elsewhere. */
  #churn(record: Int32Array): void {
    if (this.#churnToDrop === 0 && this.#churnToFill === 0) {
      const round = Math.min(CHURN_ROUND_PAGES, Math.ceil(this.#mapped.pages / 8));
      this.#churnToDrop = Math.min(round, this.#mapped.mapped);
    }
    if (this.#churnToDrop > 0 && this.#mapped.mapped > 0) {
      const run = this.#random.chance(1, 8) ? 1 + this.#random.below(8) : 1;
      const wanted = Math.min(run, this.#churnToDrop);
      const first = this.#mapped.randomMapped(this.#random);
      const dropped = this.#dropMapped(record, first, wanted, this.#mapped.pages);
      this.#churnToDrop -= dropped;
      this.#churnToFill += dropped;
      return;
    }
    this.#churnToDrop = 0;
    if (this.#churnToFill > 0) this.#churnToFill--;
    if (this.#mapped.mapped < this.#mapped.pages) {
      this.#write(record, this.#mapped.randomUnmapped(this.#random));
    } else {
      this.#write(record, this.#mapped.randomMapped(this.#random));
    }
  }

  /** Any step at any time; the emptier the process, the more it writes new pages. */
  #mix(record: Int32Array): void {
    const mapped = this.#mapped.mapped;
    const pages = this.#mapped.pages;
    if (mapped === 0 || (mapped < pages && this.#random.chance(pages - mapped, pages))) {
      this.#write(record, this.#mapped.randomUnmapped(this.#random));
      return;
    }
    const draw = this.#random.below(10_000);
    if (draw < 5200) {
      this.#read(record);
    } else if (draw < 8500) {
      this.#write(record, this.#mapped.randomMapped(this.#random));
    } else if (draw < 9700) {
      this.#drop(record, this.#mapped.randomMapped(this.#random), 1);
    } else if (draw < 9997) {
      const first = this.#mapped.randomMapped(this.#random);
      const most = Math.min(16, Math.ceil(pages / 16), pages - first);
      this.#drop(record, first, 1 + this.#random.below(most));
    } else {
      this.#exit(record);
    }
  }

  /** Forks and ends now and then; otherwise any step of any process. */
  #forkAndMix(record: Int32Array): void {
    const family = this.#family;
    this.#process = family.randomLiving(this.#random);
    this.#mapped = family.pagesOf(this.#process);
    const draw = this.#random.below(FORK_OF_STEPS);
    if (draw < FORK_STEPS && family.hasRoom()) {
      record[OP_KIND] = OP_FORK;
      record[OP_PAGE] = family.fork(this.#process);
      record[OP_COUNT] = 0;
    } else if (draw >= FORK_STEPS && draw < FORK_STEPS + END_STEPS && family.living > 1) {
      family.end(this.#process);
      record[OP_KIND] = OP_END;
      record[OP_PAGE] = 0;
      record[OP_COUNT] = 0;
    } else {
      this.#mix(record);
    }
  }

  /** All processes exit, one after the other; then they write new pages in turns, and read some back, until the next storm. */
  #exitOrGrow(record: Int32Array): void {
    const { processes } = this.plan;
    if (this.#storm.toExit > 0) {
      this.#storm.toExit--;
      this.#turnTo(this.#storm.toExit);
      this.#exit(record);
      return;
    }
    this.#turnTo((this.#process + 1) % processes);
    const { mapped, pages } = this.#mapped;
    const isNew = mapped === 0 || (mapped < pages && !this.#random.chance(1, 4));
    if (isNew) this.#write(record, this.#mapped.randomUnmapped(this.#random));
    else this.#readOrWrite(record, this.#random.chance(1, 4) ? OP_WRITE : OP_READ);
  }

  /**
   * All processes but one end; this one fills all its pages, then forks, and whoever is there forks too, until there is no place; in the end
   * all read, write and drop pages until the next storm. Reads in between make that pages go out while they are shared.
   */
  #endOrFork(record: Int32Array): void {
    const family = this.#family;
    this.#turnTo(family.randomLiving(this.#random));
    const { mapped, pages } = this.#mapped;
    if (this.#storm.endsFamily && family.living > 1) {
      family.end(this.#process);
      record[OP_KIND] = OP_END;
      record[OP_PAGE] = 0;
      record[OP_COUNT] = 0;
      return;
    }
    this.#storm.endsFamily = false;
    if (this.#storm.fillsAndForks && family.living === 1 && mapped < pages) {
      this.#write(record, this.#mapped.randomUnmapped(this.#random));
    } else if (this.#storm.fillsAndForks && family.hasRoom()) {
      if (this.#random.chance(1, 4)) {
        this.#readOrWrite(record, OP_READ);
        return;
      }
      record[OP_KIND] = OP_FORK;
      record[OP_PAGE] = family.fork(this.#process);
      record[OP_COUNT] = 0;
    } else {
      this.#storm.fillsAndForks = false;
      this.#mix(record);
    }
  }

  #turnTo(process: number): void {
    this.#process = process;
    this.#mapped = this.#family.pagesOf(process);
  }

  #read(record: Int32Array): void {
    record[OP_KIND] = OP_READ;
    record[OP_PAGE] = this.#mapped.randomMapped(this.#random);
    record[OP_COUNT] = 1;
  }

  #write(record: Int32Array, page: number): void {
    this.#mapped.map(page);
    record[OP_KIND] = OP_WRITE;
    record[OP_PAGE] = page;
    record[OP_COUNT] = 1;
  }

  /** Drops a range that holds `wanted` mapped pages: at `first` when there are so many, else the lowest such. */
  #dropMapped(record: Int32Array, first: number, wanted: number, atMost: number): number {
    let start = Math.max(0, this.#mapped.nextMapped(first));
    let span = this.#mapped.spanOf(start, wanted, atMost);
    if (span === 0) {
      start = this.#mapped.nextMapped(0);
      span = this.#mapped.spanOf(start, wanted, this.#mapped.pages);
    }
    return this.#drop(record, start, span);
  }

  #drop(record: Int32Array, first: number, count: number): number {
    record[OP_KIND] = OP_DROP;
    record[OP_PAGE] = first;
    record[OP_COUNT] = count;
    return this.#mapped.unmap(first, count);
  }

  #exit(record: Int32Array): void {
    this.#mapped.clear();
    record[OP_KIND] = OP_EXIT;
    record[OP_PAGE] = 0;
    record[OP_COUNT] = 0;
  }
}

/** Where a workload of storms is. A storm begins behind each checkpoint, which all swappers leave at the same moment. */
class Storm {
  /** Processes that have still to exit. */
  toExit = 0;
  /** Whether processes end until one is left. */
  endsFamily = false;
  /** Whether the one that is left fills up and all fork. */
  fillsAndForks = true;
  readonly #checkpoints: WorkloadPlan['checkpoints'];
  #passed = 0;

  constructor(plan: WorkloadPlan) {
    this.#checkpoints = plan.checkpoints;
  }

  /** As in the beginning. */
  reset(): void {
    this.toExit = 0;
    this.endsFamily = false;
    this.fillsAndForks = true;
    this.#passed = 0;
  }

  /** A family that is still growing goes on with that. */
  beginFamily(): void {
    if (this.fillsAndForks) return;
    this.endsFamily = true;
    this.fillsAndForks = true;
  }

  /** Whether the step with a number, from 0 on, is the first one behind a checkpoint. Asked once for each step, in order. */
  comesAt(step: number): boolean {
    const before = this.#passed;
    while ((this.#checkpoints[this.#passed]?.op ?? Infinity) <= step) this.#passed++;
    return this.#passed > before;
  }
}

function randomOf({ seed, workload, swapper }: WorkloadParameters): Random {
  return new Random(seed).fork(`workload ${workload}`).fork(swapper);
}
