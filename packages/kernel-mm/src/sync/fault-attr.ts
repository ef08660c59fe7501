/**
 * Failures on purpose: whether an operation that could fail is made to. @kernel lib/fault-inject.c, 2.6.34
 *
 * Promise: what is drawn depends on the seed of the machine, on the task and on how many draws the task has made here, and on nothing else:
 * with one thread a run fails in the same places each time. An attribute that was never set lets nothing fail.
 *
 * An attribute is a rule with an arena cell for each of its numbers, and a probability for each kind of operation. Who asks looks first whether
 * anything is to fail at all, in a cell of its own.
 *
 * No lock: the numbers of a rule are changed with Atomics, since several tasks ask at one time; a rule that is just being replaced may be
 * asked with numbers of both. The random numbers of a task are its own. `times` is exact: never do more operations fail.
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Cells } from './cells.js';
import type { Context } from './context.js';
import type { Core } from './core.js';
import { TASKS_MAX } from './task.js';

/** Kinds of operations that can have probabilities of their own under one rule. */
export const FAULT_KINDS_MAX = 3;
/** A probability of 1, in parts per million. */
export const ALWAYS_PPM = 1_000_000;
/** As {@link FaultRule.times}: without end. */
export const TIMES_UNLIMITED = -1;

const FAULT_ATTR = struct(
  'fault_attr',
  {
    /** Parts per million, by kind. */
    probability: ['i32', FAULT_KINDS_MAX],
    interval: 'i32',
    /** How many more may fail; -1 for any number. */
    times: 'i32',
    /** Bytes that pass before anything fails. */
    space: 'i32',
    /** Candidates so far, for the interval. */
    count: 'i32',
  },
  32,
);

const FAULT_SEED = struct('fault_seed', { seed: 'u32' }, 64);

/** A rule: which of the operations that could fail do. */
export interface FaultRule {
  /** Of a million operations so many fail, for each kind: 0 to {@link ALWAYS_PPM}. */
  readonly probability: readonly number[];
  /** Only each so many-th operation is a candidate; 1 for all. */
  readonly interval: number;
  /** So many fail at most; {@link TIMES_UNLIMITED} for any number. */
  readonly times: number;
  /** So many bytes pass before anything fails. */
  readonly space: number;
}

/** Where some rules and their random numbers lie. */
export interface FaultAttrsPlace {
  readonly attrs: Region;
  readonly seed: Region;
  /** A word for each task. */
  readonly random: Region;
}

/**
 * Reserves rules.
 * @param layout - not yet sealed
 * @param name - for reports
 * @param count - how many
 */
export function layoutFaultAttrs(layout: Layout, name: string, count: number): FaultAttrsPlace {
  return {
    attrs: layout.structs('hot', name, FAULT_ATTR, count),
    seed: layout.structs('hot', `${name}_seed`, FAULT_SEED, 1),
    random: layout.bytes('hot', `${name}_random`, 4 * TASKS_MAX),
  };
}

/** Some rules as one thread sees them. */
export class FaultAttrs {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly i32: Int32Array;
  private readonly attrs: number;
  private readonly seedCell: number;
  private readonly random: number;

  /**
   * @param core - the running thread
   * @param place - from {@link layoutFaultAttrs}
   */
  constructor(core: Core, place: FaultAttrsPlace) {
    this.cells = core.cells;
    this.context = core.context;
    this.i32 = core.cells.arena.i32;
    this.attrs = place.attrs.base;
    this.seedCell = place.seed.base + FAULT_SEED.seed;
    this.random = place.random.base >> 2;
  }

  /**
   * Decides the random numbers of all tasks. Called once in the life of a machine, before anything is drawn.
   * @param seed - any 32-bit number
   */
  boot(seed: number): void {
    this.cells.st32(this.seedCell, seed | 0);
  }

  /**
   * Replaces a rule. Any thread may, at any time.
   * @param index - of the rule
   * @param rule - checked by the caller
   */
  setRule(index: number, rule: FaultRule): void {
    const attr = this.attrAt(index);
    // Nothing fails while the numbers change.
    for (let kind = 0; kind < FAULT_KINDS_MAX; kind++)
      this.cells.atomicStore(this.probabilityOf(attr, kind), 0);
    this.cells.atomicStore(attr + FAULT_ATTR.interval, rule.interval);
    this.cells.atomicStore(attr + FAULT_ATTR.times, rule.times);
    this.cells.atomicStore(attr + FAULT_ATTR.space, rule.space);
    this.cells.atomicStore(attr + FAULT_ATTR.count, 0);
    for (let kind = 0; kind < FAULT_KINDS_MAX; kind++)
      this.cells.atomicStore(this.probabilityOf(attr, kind), rule.probability[kind] ?? 0);
  }

  /**
   * Whether an operation shall fail. Any lock may be held.
   * @param index - of the rule
   * @param kind - which probability counts
   * @param bytes - size of the operation
   * @kernel lib/fault-inject.c should_fail, 2.6.34, with a probability in parts per million and without a look at the stack
   */
  shouldFail(index: number, kind: number, bytes: number): boolean {
    const { cells } = this;
    const attr = this.attrAt(index);
    const probability = cells.atomicLoad(this.probabilityOf(attr, kind));
    if (probability === 0 || cells.atomicLoad(attr + FAULT_ATTR.times) === 0) return false;
    const space = attr + FAULT_ATTR.space;
    if (cells.atomicLoad(space) > bytes && cells.atomicAdd(space, -bytes) > bytes) return false;
    const interval = cells.atomicLoad(attr + FAULT_ATTR.interval);
    if (interval > 1 && (cells.atomicAdd(attr + FAULT_ATTR.count, 1) + 1) % interval !== 0) return false;
    if (this.draw() >= probability) return false;
    return this.takeOne(attr);
  }

  /** Takes one of the failures that are left. */
  private takeOne(attr: number): boolean {
    const { cells } = this;
    for (;;) {
      const left = cells.atomicLoad(attr + FAULT_ATTR.times);
      if (left === TIMES_UNLIMITED) return true;
      if (left === 0) return false;
      if (cells.atomicCompareExchange(attr + FAULT_ATTR.times, left, left - 1) === left) return true;
    }
  }

  /** The next random number of the running task: 0 to {@link ALWAYS_PPM} - 1. */
  private draw(): number {
    const task = this.context.current;
    const cell = this.random + task;
    let state = this.i32[cell] ?? 0;
    // The first draw of this task: neighbouring tasks and seeds begin far from each other.
    if (state === 0)
      state = Math.imul(this.cells.ld32(this.seedCell) + 1, 0x9e37_79b1) ^ Math.imul(task + 1, 0x85eb_ca6b);
    if (state === 0) state = 1;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.i32[cell] = state;
    // The steps above move a difference upwards slowly, so the low bits of a product are mixed in.
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) >>> 0;
    return Math.floor((mixed / 2 ** 32) * ALWAYS_PPM);
  }

  private attrAt(index: number): number {
    return this.attrs + index * FAULT_ATTR.$bytes;
  }

  private probabilityOf(attr: number, kind: number): number {
    return attr + FAULT_ATTR.probability + 4 * kind;
  }
}
