/**
 * One swapper: a thread that acts as a processor and runs one process after the other through its steps, or a few that fork from each other in
 * turns.
 *
 * Promise: every page that is read back is compared, byte for byte, with what its process wrote last, or had from its parent; the side tables
 * are the swapper's own, since no process is run by two swappers. A process that the kernel ends for lack of memory is replaced, and so is one that gets
 * SIGBUS where transfers are made to fail; the swapper goes on to its last step and barrier.
 */
import { exit } from 'node:process';

import { EIO, ENOMEM, KernelError, PAGE_SIZE, type MachineView } from '@swaplab/kernel-mm';

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
import type { Checkpoint } from '../workload/plan.js';
import type { KillMoment } from '../scenarios/scenario.js';
import { countFrames, countSlots } from './census.js';
import { clockNs, type RunControl } from './control.js';
import { SideTable, SwapperProcess } from './process.js';
import type { InjectedFault, SwapperTask } from './task.js';
import { TracePause } from './trace-pause.js';

/** Most errors kept in words; all are counted. */
const REPORTS_MAX = 10;
/** Processes of one swapper get numbers of their own up to this many. */
const OWNERS_PER_SWAPPER = 1 << 20;

/** The steps of one swapper. */
export class Swapper {
  /** Pages read back wrong. */
  integrityErrors = 0;
  /** Forks for which there was no memory. */
  forkFailures = 0;
  /** The first few integrity errors, in words. */
  readonly integrityReports: string[] = [];
  /** The machine when its process was the first of the run to be ended for lack of memory; null when it was not. */
  firstKill: KillMoment | null = null;
  readonly #view: MachineView;
  readonly #control: RunControl;
  readonly #task: SwapperTask;
  readonly #generator: WorkloadGenerator;
  readonly #contents: PageContents;
  /** The processes, by place; null for a free one. */
  readonly #processes: (SwapperProcess | null)[];
  /** Those of processes that have ended. */
  readonly #spareTables: SideTable[] = [];
  readonly #page = new Uint8Array(PAGE_SIZE);
  readonly #record = new Int32Array(OP_RECORD_WORDS);
  /** Null without a trace. */
  readonly #pause: TracePause | null;
  /** How many processes there were. */
  #created = 0;
  #lap = 0;
  /** Steps of the laps before. */
  #doneBefore = 0;
  /** Steps of the lap under way. */
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
    this.#pause = task.traced === true ? new TracePause(view, () => control.check()) : null;
    const { workload, pagesPerSwapper: pages, ops, seed, swapper } = task;
    this.#generator = new WorkloadGenerator({ workload, pages, ops, seed, swapper });
    this.#processes = Array.from({ length: this.#generator.plan.processes }, () => null);
    this.#createFirstProcesses();
  }

  /** Steps done so far. */
  get ops(): number {
    return this.#doneBefore + this.#done;
  }

  /** After how many steps of a lap each checkpoint is. */
  checkpoints(): readonly Checkpoint[] {
    return this.#generator.plan.checkpoints;
  }

  /** The processes there are, by place; null for a free one. */
  processes(): readonly (SwapperProcess | null)[] {
    return this.#processes;
  }

  /**
   * Ends all processes and begins the same phases again, with new processes and other random numbers.
   * @param lap - from 1 on
   */
  beginLap(lap: number): void {
    for (const [place, process] of this.#processes.entries()) {
      if (process !== null) this.#end(place, process);
    }
    this.#generator.beginLap(lap);
    this.#lap = lap;
    this.#doneBefore += this.#done;
    this.#done = 0;
    this.#createFirstProcesses();
  }

  /**
   * Does steps until so many of the lap are done in all.
   * @throws RunStopped when the run is stopped, and whatever the machine throws when it is broken
   */
  runUntil(ops: number): void {
    const faultAt = this.#faultAt();
    while (this.#done < ops) {
      this.#control.check();
      if (this.#pause !== null) this.#pause.betweenSteps();
      if (this.#done === faultAt) this.#inject(this.#task.fault);
      if (!this.#generator.next(this.#record)) break;
      this.#step();
      this.#done++;
      this.#control.setOpsDone(this.#task.swapper, this.ops);
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

  #createFirstProcesses(): void {
    for (let place = 0; place < this.#generator.plan.startsWith; place++)
      this.#processes[place] = this.#createProcess();
  }

  #createProcess(): SwapperProcess {
    const { pages } = this.#generator.plan;
    const space = this.#view.createAddressSpace({ bytes: pages * PAGE_SIZE });
    return new SwapperProcess(space, this.#nextOwner(), this.#takeTable());
  }

  #takeTable(): SideTable {
    return this.#spareTables.pop() ?? new SideTable(this.#generator.plan.pages);
  }

  #end(place: number, process: SwapperProcess): void {
    process.space.exit();
    this.#spareTables.push(process.table);
    this.#processes[place] = null;
  }

  /** In a very long run numbers come again, long after the processes that had them. */
  #nextOwner(): number {
    return this.#task.swapper * OWNERS_PER_SWAPPER + (this.#created++ % OWNERS_PER_SWAPPER);
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
        this.#end(place, process);
        break;
      default:
        throw new Error(`unknown step ${String(this.#record[OP_KIND])}`);
    }
  }

  #read(place: number, process: SwapperProcess, page: number): void {
    if (!this.#attempt(place, process, () => process.space.read(page * PAGE_SIZE, this.#page))) return;
    process.wasRead(page);
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
      this.#processes[place] = new SwapperProcess(space, this.#nextOwner(), this.#takeTable(), parent);
    } catch (error) {
      if (!(error instanceof KernelError && error.errno === -ENOMEM)) throw error;
      this.forkFailures++;
      this.#generator.forkFailed(place);
    }
  }

  /**
   * Makes an access. A process that was ended for lack of memory is replaced. So is one whose page cannot be read, if transfers are made to
   * fail: it gets SIGBUS. If not, that is an integrity error.
   */
  #attempt(place: number, process: SwapperProcess, access: () => void): boolean {
    try {
      access();
      return true;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.errno === -ENOMEM) {
        this.#noteKill();
        this.#replaceProcess(place, process);
        this.#generator.processReplaced(place);
      } else if (error.errno === -EIO && this.#task.ioErrors !== null) {
        this.#replaceProcess(place, process);
        this.#generator.processReplaced(place);
      } else this.#reportIntegrity(error.message);
      return false;
    }
  }

  /** The first kill of the run is described while the memory of the others is as it was; that of the process itself is given back by now. */
  #noteKill(): void {
    if (!this.#control.claimFirstKill()) return;
    const { freeFrames, residentPages } = countFrames(this.#view);
    const t = (clockNs() - this.#control.startNs()) / 1e9;
    this.firstKill = { t, ...countSlots(this.#view), freeFrames, residentPages };
  }

  #replaceProcess(place: number, process: SwapperProcess): void {
    this.#end(place, process);
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
    if (fault === null || swapper !== swappers - 1 || this.#lap > 0) return -1;
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
