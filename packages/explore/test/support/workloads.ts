/** The workloads by which schedule testers are compared. Points are lock and unlock; the words under the lock have none. */
import { load, lock, silently, store, unlock, type Memory, type Operation } from './model.js';

const MAIN_LOCK = 1;
const OTHER_LOCK = 2;
const SUM = 100;
const SECOND_SUM = 101;
const PAIR = 102;

const change = (cell: number): readonly Operation[] => [silently(load(cell)), silently(store(cell))];

/** A section that keeps two words under the lock. */
const section: readonly Operation[] = [
  lock(MAIN_LOCK),
  ...change(SUM),
  ...change(SECOND_SUM),
  unlock(MAIN_LOCK),
];

/** Reads under the lock, drops it, takes it again and writes. */
const dropsTheLock: readonly Operation[] = [
  lock(MAIN_LOCK),
  silently(load(PAIR)),
  unlock(MAIN_LOCK),
  lock(MAIN_LOCK),
  silently(store(PAIR)),
  unlock(MAIN_LOCK),
];
const otherInside: readonly Operation[] = [
  lock(MAIN_LOCK),
  lock(OTHER_LOCK),
  ...change(SUM),
  unlock(OTHER_LOCK),
  unlock(MAIN_LOCK),
];
const otherOutside: readonly Operation[] = [
  lock(OTHER_LOCK),
  lock(MAIN_LOCK),
  ...change(SUM),
  unlock(MAIN_LOCK),
  unlock(OTHER_LOCK),
];

function sections(count: number, twelfth: readonly Operation[] = section): Operation[] {
  const program: Operation[] = [];
  for (let number = 1; number <= count; number++) program.push(...(number === 12 ? twelfth : section));
  return program;
}

/** A program and what must hold at its end. */
export interface Workload {
  readonly programs: readonly (readonly Operation[])[];
  readonly check: (memory: Memory) => boolean;
}

/** W2: two tasks with ten sections. */
export const W2: Workload = {
  programs: [sections(10), sections(10)],
  check: (memory) => memory.cells[SUM] === 20 && memory.cells[SECOND_SUM] === 20,
};

/** lost-W1: four tasks with 25 sections; in two of them section 12 updates a word they share, and drops the lock in between. */
export const LOST_W1: Workload = {
  programs: [sections(25, dropsTheLock), sections(25, dropsTheLock), sections(25), sections(25)],
  check: (memory) => memory.cells[PAIR] === 2,
};

/** ABBA-W1: section 12 of two tasks takes a second lock, inside in one, outside in the other. */
export const ABBA_W1: Workload = {
  programs: [sections(25, otherInside), sections(25, otherOutside), sections(25), sections(25)],
  check: () => true,
};
