/**
 * A bare machine: the arena, tasks, locks and names of a machine without its kernel, and whatever regions its maker lays out. It is for
 * concurrent code that is no part of the model but wants to stand on the same ground: the cells and locks of `sync/`, their reports, and
 * threads under a chosen schedule.
 *
 * Promise: every thread that calls with the same `build` has the same layout; the handle survives `postMessage`. The regions hold zeros when
 * the machine is made.
 */
import { createArena, viewArena, type Arena, type WasmMemory } from '../arena/memory.js';
import { Layout } from '../arena/layout.js';
import type { Region } from '../arena/layout.js';
import { layoutSymbols, Symbols } from '../arena/symbols.js';
import { restoreSnapshot, takeSnapshot, type Snapshot } from '../arena/snapshot.js';
import { createCells } from '../sync/cells.js';
import { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { layoutLockStats, LockClasses, LockStats } from '../sync/lock-classes.js';
import { layoutPanic, Panic } from '../sync/panic.js';
import { layoutTasks, Tasks } from '../sync/task.js';
import { createLocks } from '../sync/ticket-lock.js';
import { completeAttachOptions, type AttachOptions } from './kernel.js';

/**
 * Lays out what a bare machine has and defines its lock classes. A function of its arguments alone: each thread calls it.
 * @param layout - not yet sealed
 * @param classes - gets the lock classes
 * @returns what threads need to find their objects: regions and lock classes
 */
export type BuildBareMachine<Regions> = (layout: Layout, classes: LockClasses) => Regions;

/** What another thread needs to attach. */
export interface BareMachineHandle {
  readonly memory: WasmMemory;
  readonly shared: boolean;
}

/** A bare machine as one thread sees it. */
export class BareMachine<Regions> {
  /** For other threads. */
  readonly handle: BareMachineHandle;
  /** What `build` returned; the bases of its regions are known. */
  readonly regions: Regions;
  /** Where everything lies. */
  readonly layout: Layout;
  private readonly arena: Arena;
  private readonly classes: LockClasses;
  private readonly own: OwnRegions;

  /**
   * @param handle - of the machine
   * @param build - the same in every thread
   */
  constructor(handle: BareMachineHandle, build: BuildBareMachine<Regions>) {
    const laid = lay(build);
    this.handle = handle;
    this.regions = laid.regions;
    this.layout = laid.layout;
    this.classes = laid.classes;
    this.own = laid.own;
    this.arena = viewArena(handle.memory, handle.shared);
  }

  /**
   * Claims a task for the calling thread.
   * @param options - as for a whole machine; by default the thread may wait
   * @throws MisuseError `ERR_TOO_MANY_TASKS`
   */
  attach(options: AttachOptions = {}): Core {
    const complete = completeAttachOptions(options, { name: 'thread', mayWait: true });
    const { arena, classes, layout, own } = this;
    const cells = createCells(arena, complete.hook);
    const tasks = new Tasks(arena, own.tasks);
    const parts = {
      tasks,
      panic: new Panic(arena, own.panic),
      classes,
      stats: new LockStats(arena, own.stats, classes),
      layout,
    };
    const context = new Context(cells, parts, complete, tasks.claim(complete.name));
    return {
      cells,
      context,
      locks: createLocks(context, 'adaptive'),
      symbols: new Symbols(arena, own.symbols),
    };
  }

  /** Copies the state of the machine, while nobody runs. */
  snapshot(): Snapshot {
    return takeSnapshot(this.arena, this.layout, () => true);
  }

  /** Puts the state back, while nobody runs. */
  restore(snapshot: Snapshot): void {
    restoreSnapshot(this.arena, this.layout, snapshot);
  }
}

/**
 * Makes a bare machine.
 * @param build - lays it out
 * @param shared - whether other threads can attach; true when not given
 * @throws MisuseError `ERR_OUT_OF_RANGE`, `ERR_NO_SHARED_MEMORY`
 */
export function createBareMachine<Regions>(
  build: BuildBareMachine<Regions>,
  shared = true,
): BareMachine<Regions> {
  const { layout } = lay(build);
  const arena = createArena(layout.totalBytes(), shared);
  return new BareMachine({ memory: arena.memory, shared }, build);
}

interface OwnRegions {
  readonly tasks: Region;
  readonly panic: Region;
  readonly symbols: Region;
  readonly stats: Region;
}

interface Laid<Regions> {
  readonly layout: Layout;
  readonly classes: LockClasses;
  readonly regions: Regions;
  readonly own: OwnRegions;
}

function lay<Regions>(build: BuildBareMachine<Regions>): Laid<Regions> {
  const layout = new Layout();
  const classes = new LockClasses();
  const own = {
    tasks: layoutTasks(layout),
    panic: layoutPanic(layout),
    symbols: layoutSymbols(layout),
    stats: layoutLockStats(layout),
  };
  const regions = build(layout, classes);
  layout.seal();
  return { layout, classes, regions, own };
}
