/**
 * One swapper: a thread that acts as a processor and runs one process after the other through its steps.
 *
 * Promise: every page that is read back is compared, byte for byte, with what its process wrote last; the side table of versions is the
 * swapper's own, since no process is shared. A process that the kernel ends for lack of memory is replaced, and the swapper goes on to its
 * last step and barrier.
 */
import { ENOMEM, KernelError, PAGE_SIZE, type AddressSpace, type MachineView } from '@swaplab/kernel-mm';

import { PageContents } from '../pages/contents.js';
import {
  OP_COUNT,
  OP_DROP,
  OP_EXIT,
  OP_KIND,
  OP_PAGE,
  OP_READ,
  OP_RECORD_WORDS,
  OP_WRITE,
  WorkloadGenerator,
} from '../workload/generator.js';
import type { RunControl } from './control.js';
import type { InjectedFault, SwapperTask } from './task.js';

/** Most errors kept in words; all are counted. */
const REPORTS_MAX = 10;
/** Processes of one swapper get numbers of their own up to this many. */
const OWNERS_PER_SWAPPER = 1 << 20;

/** The steps of one swapper. */
export class Swapper {
  /** Pages read back wrong. */
  integrityErrors = 0;
  /** The first few of them, in words. */
  readonly integrityReports: string[] = [];
  readonly #view: MachineView;
  readonly #control: RunControl;
  readonly #task: SwapperTask;
  readonly #generator: WorkloadGenerator;
  readonly #contents: PageContents;
  /** How often each page of the process was written; 0 reads as zeros. */
  readonly #versions: Uint32Array;
  readonly #page = new Uint8Array(PAGE_SIZE);
  readonly #record = new Int32Array(OP_RECORD_WORDS);
  #space: AddressSpace;
  #owner: number;
  #done = 0;

  /**
   * @param view - this thread's view, which may wait
   * @param control - of the run
   * @param task - what to do
   */
  constructor(view: MachineView, control: RunControl, task: SwapperTask) {
    this.#view = view;
    this.#control = control;
    this.#task = task;
    this.#contents = new PageContents(task.corpus);
    this.#versions = new Uint32Array(task.pagesPerSwapper);
    const { workload, pagesPerSwapper: pages, ops, seed, swapper } = task;
    this.#generator = new WorkloadGenerator({ workload, pages, ops, seed, swapper });
    this.#owner = swapper * OWNERS_PER_SWAPPER;
    this.#space = this.#createSpace();
  }

  /** Steps done so far. */
  get ops(): number {
    return this.#done;
  }

  /** After how many steps each checkpoint is. */
  checkpoints(): readonly { readonly op: number }[] {
    return this.#generator.plan.checkpoints;
  }

  /**
   * Does steps until so many are done in all.
   * @throws RunStopped when the run is stopped, and whatever the machine throws when it is broken
   */
  runUntil(ops: number): void {
    const faultAt = this.#faultAt();
    while (this.#done < ops) {
      this.#control.check();
      if (this.#done === faultAt) this.#inject(this.#task.fault);
      if (!this.#generator.next(this.#record)) break;
      this.#step();
      this.#done++;
      this.#control.setOpsDone(this.#task.swapper, this.#done);
    }
  }

  /** Ends the process. */
  exit(): void {
    this.#space.exit();
  }

  #createSpace(): AddressSpace {
    return this.#view.createAddressSpace({ bytes: this.#task.pagesPerSwapper * PAGE_SIZE });
  }

  #step(): void {
    const page = this.#record[OP_PAGE] ?? 0;
    const count = this.#record[OP_COUNT] ?? 1;
    switch (this.#record[OP_KIND]) {
      case OP_READ:
        this.#read(page);
        break;
      case OP_WRITE:
        this.#write(page);
        break;
      case OP_DROP:
        this.#space.unmap(page * PAGE_SIZE, count * PAGE_SIZE);
        this.#versions.fill(0, page, page + count);
        break;
      case OP_EXIT:
        this.#replaceProcess();
        break;
      default:
        throw new Error(`unknown step ${String(this.#record[OP_KIND])}`);
    }
  }

  #read(page: number): void {
    if (!this.#attempt(() => this.#space.read(page * PAGE_SIZE, this.#page))) return;
    const version = this.#versions[page] ?? 0;
    if (this.#contents.matches(this.#owner, page, version, this.#page)) return;
    this.#reportIntegrity(this.#contents.describeDifference(this.#owner, page, version, this.#page));
  }

  #write(page: number): void {
    const version = (this.#versions[page] ?? 0) + 1;
    this.#contents.fill(this.#owner, page, version, this.#page);
    if (this.#attempt(() => this.#space.write(page * PAGE_SIZE, this.#page))) this.#versions[page] = version;
  }

  /** Makes an access; a process that was ended for lack of memory is replaced, a page that cannot be read is an integrity error. */
  #attempt(access: () => void): boolean {
    try {
      access();
      return true;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.errno === -ENOMEM) this.#replaceProcess(true);
      else this.#reportIntegrity(error.message);
      return false;
    }
  }

  #replaceProcess(killed = false): void {
    this.#space.exit();
    this.#space = this.#createSpace();
    this.#versions.fill(0);
    this.#owner++;
    if (killed) this.#generator.processReplaced();
  }

  #reportIntegrity(report: string): void {
    this.integrityErrors++;
    if (this.integrityReports.length < REPORTS_MAX)
      this.integrityReports.push(`swapper ${String(this.#task.swapper)}: ${report}`);
  }

  /** After how many steps the fault comes: to the last swapper, half way, or where what was damaged is read next. */
  #faultAt(): number {
    const { fault, swapper, swappers, ops } = this.#task;
    if (fault === null || swapper !== swappers - 1) return -1;
    const { phases, checkpoints } = this.#generator.plan;
    // The phase of churn writes and drops, so that damage done there would be gone before it is seen.
    const reading = phases.find(({ name }) => name === 'read again');
    if (fault === 'damage-pages' && reading !== undefined) return reading.start;
    // Just after a checkpoint all others have steps to do as well, and come to wait for the lock.
    return checkpoints.find(({ op }) => op >= ops / 2 && op < ops)?.op ?? Math.floor(ops / 2);
  }

  #inject(fault: InjectedFault | null): void {
    if (fault === null) return;
    if (fault === 'damage-pages') {
      this.#damagePages();
      return;
    }
    this.#view.kernel.swap.table.swapLock.lock();
    // In a worker this ends the thread only, with the lock held.
    if (fault === 'die-holding-lock') process.exit(1);
    this.#control.waitForStop(this.#task.waitLimitMs);
  }

  /** Changes the last byte of each page of the process behind the back of the side table. */
  #damagePages(): void {
    const { pagesPerSwapper } = this.#task;
    for (let page = 0; page < pagesPerSwapper; page++) {
      if (this.#versions[page] === 0) continue;
      const last = (page + 1) * PAGE_SIZE - 1;
      const damage = (): void => {
        this.#space.write(
          last,
          this.#space.read(last, 1).map((byte) => byte ^ 1),
        );
      };
      if (!this.#attempt(damage)) return;
    }
  }
}
