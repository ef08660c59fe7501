/**
 * A small engine for tests: tasks are arrays of operations on locks and cells, and the schedule core says whose turn it is. It keeps the protocol
 * as the real engines do, and notes every operation in the order in which they happened.
 */
import {
  POINT_ATOMIC,
  POINT_LOAD,
  POINT_LOCK,
  POINT_STORE,
  POINT_UNLOCK,
  POINT_WAIT,
  POINT_WAKE,
} from '@swaplab/kernel-mm';
import { NOBODY, ScheduleCore, STOPPED } from '#src/core/schedule.js';
import { createTraceWords, Trace } from '#src/core/trace.js';
import { createWords, type ScheduleConfig } from '#src/core/words.js';
import type { StrategyId } from '#src/strategies/strategy.js';

/** What tasks share: cells by number, all 0 at first, and what each task has read last. */
export interface Memory {
  readonly cells: number[];
  readonly read: number[];
}

/** Whether an operation is done; or is to be done again, at a new point. */
export type Again = undefined | 'give-way' | 'spin';

/** One operation of a task. */
export interface Operation {
  /** Its point, 0 for something that nobody else can see. */
  readonly kind: number;
  readonly object: number;
  /** What it does, after a lock was taken. It can ask to be done again, with the task giving way before that or not. */
  readonly act?: (memory: Memory, task: number) => Again;
  /** A wait goes on when this holds. */
  readonly until?: (memory: Memory) => boolean;
  /** Whether the wait has a limit. */
  readonly timed?: boolean;
  /** Kind of a fault that may happen instead of the operation. */
  readonly fault?: number;
}

/** Takes a lock. */
export const lock = (object: number): Operation => ({ kind: POINT_LOCK, object });
/** Drops a lock. */
export const unlock = (object: number): Operation => ({ kind: POINT_UNLOCK, object });
/** Reads a cell into the task's register. */
export const load = (object: number): Operation => ({
  kind: POINT_LOAD,
  object,
  act: (memory, task) => {
    memory.read[task] = memory.cells[object] ?? 0;
    return undefined;
  },
});
/** Writes the register plus something into a cell. */
export const store = (object: number, add = 1): Operation => ({
  kind: POINT_STORE,
  object,
  act: (memory, task) => {
    memory.cells[object] = (memory.read[task] ?? 0) + add;
    return undefined;
  },
});
/** Adds to a cell at once. */
export const add = (object: number, value = 1): Operation => ({
  kind: POINT_ATOMIC,
  object,
  act: (memory) => {
    memory.cells[object] = (memory.cells[object] ?? 0) + value;
    return undefined;
  },
});
/** The same without a point, for words that a lock protects. */
export const silently = (operation: Operation): Operation => ({ ...operation, kind: 0 });
/** Sleeps until a cell is not 0. */
export const waitFor = (object: number, timed = false): Operation => ({
  kind: POINT_WAIT,
  object,
  until: (memory) => (memory.cells[object] ?? 0) !== 0,
  timed,
});
/** Sets a cell, and wakes who sleeps until then. */
export const wakeUp = (object: number): Operation => ({
  kind: POINT_WAKE,
  object,
  act: (memory) => {
    memory.cells[object] = 1;
    return undefined;
  },
});
/** Looks at a cell until it is not 0, giving way in between. */
export const spinOn = (object: number): Operation => ({
  kind: POINT_LOAD,
  object,
  act: (memory) => ((memory.cells[object] ?? 0) === 0 ? 'give-way' : undefined),
});
/** The same, but keeping the turn. */
export const spinSilentlyOn = (object: number): Operation => ({
  kind: POINT_LOAD,
  object,
  act: (memory) => ((memory.cells[object] ?? 0) === 0 ? 'spin' : undefined),
});
/** Fails when something does not hold. */
export const assertThat = (holds: (memory: Memory) => boolean): Operation => ({
  kind: 0,
  object: 0,
  act: (memory) => {
    if (!holds(memory)) throw new ModelFailure();
    return undefined;
  },
});
/** Sets a cell to 1 if the fault happens. */
export const mayFail = (fault: number, object: number): Operation => ({
  ...add(object),
  kind: 0,
  fault,
});

class ModelFailure extends Error {}

/** How a schedule ended. */
export interface Outcome {
  readonly end: 'done' | 'deadlock' | 'stopped' | 'failed';
  /** Each operation as `task * 1000 + its place in the task`, in the order in which they happened. */
  readonly order: readonly number[];
  readonly memory: Memory;
  /** Whether the strategy has more schedules. */
  readonly more: boolean;
  readonly traceHash: number;
}

/** A program and the core that schedules it. */
export class Model {
  /** Cores on the same words, used in turn as different threads would: all state must lie in the words. */
  private readonly cores: readonly ScheduleCore[];
  private turn = 0;
  private readonly trace = new Trace(createTraceWords(0));
  private readonly programs: readonly (readonly Operation[])[];
  private readonly check: (memory: Memory) => boolean;
  private memory: Memory = { cells: [], read: [] };
  private owners = new Map<number, number>();
  private places: number[] = [];
  private arrived: boolean[] = [];
  private order: number[] = [];
  private left = 0;

  /**
   * @param programs - what each task does
   * @param check - what must hold at the end
   * @param config - for the core
   */
  constructor(
    programs: readonly (readonly Operation[])[],
    check: (memory: Memory) => boolean = () => true,
    config: Partial<ScheduleConfig> = {},
  ) {
    this.programs = programs;
    this.check = check;
    const words = createWords({ tasks: programs.length, ...config });
    this.cores = [new ScheduleCore(words), new ScheduleCore(words)];
  }

  /** The core of the thread whose turn it is. */
  get core(): ScheduleCore {
    this.turn ^= 1;
    return this.cores[this.turn]!;
  }

  /** Runs one schedule. */
  run(seed: number, strategy: StrategyId, parameter = 0): Outcome {
    const { core } = this;
    this.memory = { cells: [], read: [] };
    this.owners = new Map();
    this.places = this.programs.map(() => 0);
    this.arrived = this.programs.map(() => false);
    this.order = [];
    this.trace.reset();
    let end: Outcome['end'] = 'done';
    try {
      let task = this.take(core.begin(seed, strategy, parameter));
      while (task >= 0) task = this.resume(task);
      if (task === STOPPED) end = 'stopped';
      else if (task === NOBODY && core.unfinished() !== 0) end = 'deadlock';
      else if (!this.check(this.memory)) end = 'failed';
    } catch (error) {
      if (!(error instanceof ModelFailure)) throw error;
      end = 'failed';
    }
    return { end, order: this.order, memory: this.memory, more: core.end(), traceHash: this.trace.hash };
  }

  private take(answer: number): number {
    this.left = this.core.countdown;
    return answer;
  }

  /** Lets a task run until another one is chosen. */
  private resume(task: number): number {
    const { core } = this;
    const program = this.programs[task]!;
    for (;;) {
      const place = this.places[task]!;
      const operation = program[place];
      if (operation === undefined) return this.take(core.exit(task, this.left));
      const { kind, object } = operation;
      if (!this.arrived[task] && kind !== 0) {
        this.arrived[task] = true;
        if (--this.left === 0) {
          const next = this.take(core.decide(task, kind, object, this.siteOf(task, place)));
          if (next !== task) return next;
        }
      }
      const next = this.perform(task, place, operation);
      if (next !== task) return next;
    }
  }

  /** The site of an operation: all have different ones, some above 16 bits. */
  private siteOf(task: number, place: number): number {
    return task * 70_000 + place + 1;
  }

  /** Does an operation, or finds that it must wait. Returns who goes on. */
  private perform(task: number, place: number, operation: Operation): number {
    const { core, memory, owners } = this;
    const { kind, object } = operation;
    const site = this.siteOf(task, place);
    if (kind === POINT_LOCK) {
      if (owners.has(object)) return this.take(core.block(task, object, false, site, this.left));
      owners.set(object, task);
    }
    if (operation.until !== undefined && !operation.until(memory) && !core.timedOut(task)) {
      return this.take(core.block(task, object, operation.timed ?? false, site, this.left));
    }
    if (operation.fault !== undefined) {
      const happens = core.fault(operation.fault, this.left);
      this.left = core.countdown;
      if (happens) operation.act!(memory, task);
      this.finish(task, place, operation);
      return task;
    }
    const again = operation.act?.(memory, task);
    if (again !== undefined) {
      this.arrived[task] = false;
      return again === 'spin' ? task : this.take(core.giveWay(task, site, this.left));
    }
    if (kind === POINT_UNLOCK) {
      owners.delete(object);
      this.left = core.wake(object, this.left);
    }
    if (kind === POINT_WAKE) this.left = core.wake(object, this.left);
    this.finish(task, place, operation);
    return task;
  }

  private finish(task: number, place: number, operation: Operation): void {
    this.places[task] = place + 1;
    this.arrived[task] = false;
    if (operation.kind === 0) return;
    this.order.push(task * 1000 + place);
    this.trace.step(task, operation.kind, operation.object, this.siteOf(task, place));
  }
}
