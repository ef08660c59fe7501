/**
 * One swapper: a thread that acts as a processor and runs one process after the other through its steps, or a few that fork from each other in
 * turns.
 *
 * Promise: every page that is read back is compared, byte for byte, with what its process wrote last, or had from its parent; the side tables
 * are the swapper's own, since no process is run by two swappers. A process that the kernel ends for lack of memory is replaced, and the swapper goes on to its
 * last step and barrier.
 */
import { exit } from 'node:process';

import { ENOMEM, KernelError, PAGE_SIZE, type MachineView } from '@swaplab/kernel-mm';

import { PageContents } from '../pages/contents.js';
import {
  OP_COUNT,
  OP_DROP,
  OP_END,
  OP_EXIT,
  OP_FORK,
  OP_KIND,
  OP_PAGE,
  OP_PROCESS,
  OP_READ,
  OP_RECORD_WORDS,
  OP_WRITE,
  WorkloadGenerator,
} from '../workload/generator.js';
import type { RunControl } from './control.js';
import { SwapperProcess } from './process.js';
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
  /** The processes, by place; null for a free one. */
  readonly #processes: (SwapperProcess | null)[];
  readonly #page = new Uint8Array(PAGE_SIZE);
  readonly #record = new Int32Array(OP_RECORD_WORDS);
  /** Number of the next process. */
  #nextOwner: number;
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
    const { workload, pagesPerSwapper: pages, ops, seed, swapper } = task;
    this.#generator = new WorkloadGenerator({ workload, pages, ops, seed, swapper });
    this.#nextOwner = swapper * OWNERS_PER_SWAPPER;
    this.#processes = Array.from({ length: this.#generator.plan.processes }, () => null);
    this.#processes[0] = this.#createProcess();
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

  /**
   * Called at a checkpoint, before the barrier behind which all go on. A fault that needs `swap_lock` takes it here, while all others stand at
   * that barrier: whatever they do next, they come to wait for it.
   */
  prepareFault(): void {
    const { fault } = this.#task;
    if (fault === null || fault === 'damage-pages' || this.#done !== this.#faultAt()) return;
    this.#control.waitForAllOthers();
    this.#view.kernel.swap.table.swapLock.lock();
  }

  /** Ends all processes. */
  exit(): void {
    for (const process of this.#processes) process?.space.exit();
  }

  #createProcess(): SwapperProcess {
    const { pages } = this.#generator.plan;
    const space = this.#view.createAddressSpace({ bytes: pages * PAGE_SIZE });
    return new SwapperProcess(space, this.#nextOwner++, pages);
  }

  #processAt(place: number): SwapperProcess {
    const process = this.#processes[place];
    if (process === null || process === undefined) throw new Error(`no process in place ${String(place)}`);
    return process;
  }

  #step(): void {
    const page = this.#record[OP_PAGE] ?? 0;
    const count = this.#record[OP_COUNT] ?? 1;
    const place = this.#record[OP_PROCESS] ?? 0;
    const process = this.#processAt(place);
    switch (this.#record[OP_KIND]) {
      case OP_READ:
        this.#read(place, process, page);
        break;
      case OP_WRITE:
        this.#write(place, process, page);
        break;
      case OP_DROP:
        process.space.unmap(page * PAGE_SIZE, count * PAGE_SIZE);
        process.dropped(page, count);
        break;
      case OP_EXIT:
        this.#replaceProcess(place, process);
        break;
      case OP_FORK:
        this.#fork(process, page);
        break;
      case OP_END:
        process.space.exit();
        this.#processes[place] = null;
        break;
      default:
        throw new Error(`unknown step ${String(this.#record[OP_KIND])}`);
    }
  }

  #read(place: number, process: SwapperProcess, page: number): void {
    if (!this.#attempt(place, process, () => process.space.read(page * PAGE_SIZE, this.#page))) return;
    const owner = process.ownerOf(page);
    const version = process.versionOf(page);
    if (this.#contents.matches(owner, page, version, this.#page)) return;
    this.#reportIntegrity(this.#contents.describeDifference(owner, page, version, this.#page));
  }

  #write(place: number, process: SwapperProcess, page: number): void {
    const version = process.versionOf(page) + 1;
    this.#contents.fill(process.owner, page, version, this.#page);
    if (this.#attempt(place, process, () => process.space.write(page * PAGE_SIZE, this.#page)))
      process.written(page, version);
  }

  /** Makes a child, which must read from now on what its parent has at this moment. Without room for one, the parent goes on alone. */
  #fork(parent: SwapperProcess, place: number): void {
    try {
      const space = parent.space.fork();
      this.#processes[place] = new SwapperProcess(
        space,
        this.#nextOwner++,
        this.#generator.plan.pages,
        parent,
      );
    } catch (error) {
      if (!(error instanceof KernelError && error.errno === -ENOMEM)) throw error;
      this.#generator.forkFailed(place);
    }
  }

  /** Makes an access; a process that was ended for lack of memory is replaced, a page that cannot be read is an integrity error. */
  #attempt(place: number, process: SwapperProcess, access: () => void): boolean {
    try {
      access();
      return true;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.errno === -ENOMEM) {
        this.#replaceProcess(place, process);
        this.#generator.processReplaced(place);
      } else this.#reportIntegrity(error.message);
      return false;
    }
  }

  #replaceProcess(place: number, process: SwapperProcess): void {
    process.space.exit();
    this.#processes[place] = this.#createProcess();
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
    // At a checkpoint, so that all others have steps to do as well.
    return checkpoints.find(({ op }) => op >= ops / 2 && op < ops)?.op ?? -1;
  }

  #inject(fault: InjectedFault | null): void {
    if (fault === null) return;
    if (fault === 'damage-pages') {
      this.#damagePages();
      return;
    }
    // In a worker this ends the thread only, with the lock held since {@link prepareFault}.
    if (fault === 'die-holding-lock') exit(1);
    this.#control.waitForStop(this.#task.waitLimitMs);
  }

  /** Changes the last byte of each page of all processes behind the back of the side tables. */
  #damagePages(): void {
    for (const [place, process] of this.#processes.entries()) {
      if (process !== null && !this.#damagePagesOf(place, process)) return;
    }
  }

  #damagePagesOf(place: number, process: SwapperProcess): boolean {
    const { space } = process;
    for (let page = 0; page < this.#generator.plan.pages; page++) {
      if (process.versionOf(page) === 0) continue;
      const last = (page + 1) * PAGE_SIZE - 1;
      const damage = (): void => {
        space.write(
          last,
          space.read(last, 1).map((byte) => byte ^ 1),
        );
      };
      if (!this.#attempt(place, process, damage)) return false;
    }
    return true;
  }
}
