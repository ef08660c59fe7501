/**
 * All schedules of a small program, by trying every choice at every point: what strategies are compared with. It knows nothing of the schedule
 * core, and leaves nothing out.
 */
import { POINT_LOCK, POINT_UNLOCK, POINT_WAKE } from '@swaplab/kernel-mm';
import type { Memory, Operation } from './model.js';

/** What is known about one order of operations. */
export interface OrderFacts {
  /** The least preemptions with which it comes about. */
  readonly preemptions: number;
  /** How likely it is when each choice is even. */
  readonly chance: number;
}

interface State {
  readonly memory: Memory;
  readonly owners: Map<number, number>;
  readonly places: number[];
  /** Tasks that stand at a point, or have not started. */
  readonly started: boolean[];
  readonly waiting: (number | undefined)[];
  readonly order: number[];
}

type Programs = readonly (readonly Operation[])[];

function copy(state: State): State {
  return {
    memory: { cells: [...state.memory.cells], read: [...state.memory.read] },
    owners: new Map(state.owners),
    places: [...state.places],
    started: [...state.started],
    waiting: [...state.waiting],
    order: [...state.order],
  };
}

/** What a task does when it is let go on: its operation, and what follows without a point. */
type Stop = 'point' | 'wait' | 'end';

function advance(programs: Programs, state: State, task: number): Stop {
  const program = programs[task]!;
  let standsAtPoint = state.started[task]!;
  state.started[task] = true;
  for (;;) {
    const operation = program[state.places[task]!];
    if (operation === undefined) return 'end';
    if (operation.kind !== 0 && !standsAtPoint) return 'point';
    standsAtPoint = false;
    const { kind, object } = operation;
    const mustWait =
      kind === POINT_LOCK
        ? state.owners.has(object)
        : operation.until !== undefined && !operation.until(state.memory);
    if (mustWait) {
      state.waiting[task] = object;
      return 'wait';
    }
    if (kind === POINT_LOCK) state.owners.set(object, task);
    operation.act?.(state.memory, task);
    if (kind === POINT_UNLOCK) state.owners.delete(object);
    if (kind === POINT_UNLOCK || kind === POINT_WAKE) {
      for (const [other, awaited] of state.waiting.entries()) {
        if (awaited === object) state.waiting[other] = undefined;
      }
    }
    if (kind !== 0) state.order.push(task * 1000 + state.places[task]!);
    state.places[task]! += 1;
  }
}

/**
 * All orders of a program without faults, time limits and spinning.
 * @param programs - what each task does
 * @returns the orders as text; a deadlock ends with `dead`
 */
export function allOrders(programs: Programs): Map<string, OrderFacts> {
  const found = new Map<string, OrderFacts>();

  function note(state: State, dead: boolean, preemptions: number, chance: number): void {
    const key = orderKey(state.order, dead);
    const before = found.get(key);
    found.set(key, {
      preemptions: Math.min(preemptions, before?.preemptions ?? Infinity),
      chance: chance + (before?.chance ?? 0),
    });
  }

  /** Tries every task that can run; `current` could go on, or is -1. */
  function choose(
    state: State,
    ended: readonly boolean[],
    current: number,
    preemptions: number,
    chance: number,
  ): void {
    const enabled = programs
      .map((_, task) => task)
      .filter((task) => !ended[task] && state.waiting[task] === undefined);
    if (enabled.length === 0) {
      note(state, ended.includes(false), preemptions, chance);
      return;
    }
    for (const task of enabled) {
      const next = copy(state);
      const stop = advance(programs, next, task);
      const cost = current >= 0 && task !== current ? 1 : 0;
      const nowEnded = stop === 'end' ? ended.map((was, other) => was || other === task) : ended;
      choose(next, nowEnded, stop === 'point' ? task : -1, preemptions + cost, chance / enabled.length);
    }
  }

  const tasks = programs.length;
  choose(
    {
      memory: { cells: [], read: [] },
      owners: new Map(),
      places: Array<number>(tasks).fill(0),
      started: Array<boolean>(tasks).fill(false),
      waiting: Array<number | undefined>(tasks).fill(undefined),
      order: [],
    },
    Array<boolean>(tasks).fill(false),
    -1,
    0,
    1,
  );
  return found;
}

/** An order as text. */
export function orderKey(order: readonly number[], dead: boolean): string {
  return dead ? `${order.join(' ')} dead` : order.join(' ');
}
