/** What the threads of the RCU tests do: readers of a structure whose parts are taken out and reused. Every wait is bounded. */
import type { Layout, Region } from '#src/arena/layout.js';
import { Rcu } from '#src/sync/rcu.js';
import { attachTestCore, type TestCoreHandle, type TestCoreOptions } from '../support/core.js';

/** Number of objects that take turns at being the published one. */
export const OBJECTS = 4;
/** What an object holds while it is published, and while nobody may read it. */
export const GOOD = 0x600d;
export const POISON = 0x0bad;

/** Words of the test, 64 bytes apart. */
export const WORD = { published: 0, stage: 64, stop: 128, sections: 192, objects: 256 } as const;

/** Stages of the reader that stays in its section. */
export const INSIDE = 1;
export const REUSED = 2;

/** Cells on shared memory. */
export interface RcuRegions {
  readonly words: Region;
}

/** What a thread is told. */
export interface RcuInput {
  readonly handle: TestCoreHandle;
  readonly name: string;
  readonly rounds?: number;
  /** Whether the writer leaves its wait out. */
  readonly withoutWait?: boolean;
  readonly waitLimitMs?: number;
}

export function buildRcu(layout: Layout): RcuRegions {
  return { words: layout.bytes('hot', 'words', 1024) };
}

function attach(input: RcuInput) {
  const options: TestCoreOptions = { name: input.name, waitLimitMs: input.waitLimitMs ?? 10_000 };
  const test = attachTestCore(buildRcu, input.handle, options);
  const rcu = new Rcu(test.context);
  if (input.withoutWait === true) rcu.synchronizeRcu = () => {};
  const { i32 } = test.arena;
  const cell = (word: number): number => (test.regions.words.base + word) >> 2;
  const objectCell = (index: number): number => cell(WORD.objects + 64 * index);
  return { test, rcu, i32, cell, objectCell };
}

/** Takes the published object, says so, and looks at it again when the writer says it was reused, or after a while. */
export function stayInside(input: RcuInput): number {
  const { rcu, i32, cell, objectCell } = attach(input);
  rcu.readLock();
  const object = objectCell(Atomics.load(i32, cell(WORD.published)));
  Atomics.store(i32, cell(WORD.stage), INSIDE);
  Atomics.notify(i32, cell(WORD.stage));
  Atomics.wait(i32, cell(WORD.stage), INSIDE, 300);
  const seen = Atomics.load(i32, object);
  rcu.readUnlock();
  return seen;
}

/** Publishes the next object, and poisons the old one when no reader can have it any more. */
export function replace(input: RcuInput): void {
  replaceOnce(attach(input));
}

function replaceOnce({ rcu, i32, cell, objectCell }: ReturnType<typeof attach>): void {
  const old = Atomics.load(i32, cell(WORD.published));
  const next = (old + 1) % OBJECTS;
  Atomics.store(i32, objectCell(next), GOOD);
  Atomics.store(i32, cell(WORD.published), next);
  rcu.synchronizeRcu();
  Atomics.store(i32, objectCell(old), POISON);
  Atomics.store(i32, cell(WORD.stage), REUSED);
  Atomics.notify(i32, cell(WORD.stage));
}

/** Reads until told to stop; gives how often it saw an object that nobody may read. */
export function readOften(input: RcuInput): number {
  const { rcu, i32, cell, objectCell, test } = attach(input);
  let bad = 0;
  for (let round = 0; round < 20_000_000 && Atomics.load(i32, cell(WORD.stop)) === 0; round++) {
    rcu.readLock();
    const object = objectCell(Atomics.load(i32, cell(WORD.published)));
    rcu.readLock();
    for (let look = 0; look < 20; look++) if (Atomics.load(i32, object) !== GOOD) bad++;
    rcu.readUnlock();
    rcu.readUnlock();
    Atomics.add(i32, cell(WORD.sections), 1);
  }
  test.tasks.release(test.task);
  return bad;
}

/** Replaces the object many times while others read, then tells them to stop. */
export function replaceOften(input: RcuInput): number {
  const view = attach(input);
  const { test, i32, cell } = view;
  // No round before somebody reads.
  for (let slice = 0; slice < 200 && Atomics.load(i32, cell(WORD.sections)) === 0; slice++) {
    Atomics.wait(i32, cell(WORD.sections), 0, 50);
  }
  for (let round = 0; round < (input.rounds ?? 1); round++) replaceOnce(view);
  Atomics.store(i32, cell(WORD.stop), 1);
  test.tasks.release(test.task);
  return Atomics.load(i32, cell(WORD.sections));
}

/** Enters a section and never leaves it. */
export function neverLeave(input: RcuInput): void {
  const { rcu, i32, cell } = attach(input);
  rcu.readLock();
  Atomics.store(i32, cell(WORD.stage), INSIDE);
  Atomics.wait(i32, cell(WORD.stop), 0, 15_000);
}

/** Waits for the readers; the error of a wait that fails is the scenario's. */
export function waitForReaders(input: RcuInput): string {
  attach(input).rcu.synchronizeRcu();
  return 'all gone';
}
