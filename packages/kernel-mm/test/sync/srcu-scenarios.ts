/** What the threads of the SRCU tests do: readers that sleep in their sections, and writers that reuse what they took out. */
import type { Layout, Region } from '#src/arena/layout.js';
import { Srcu, layoutSrcu, type SrcuPlace } from '#src/sync/srcu.js';
import type { LockClasses } from '#src/sync/lock-classes.js';
import { attachTestCore, type TestCoreHandle, type TestCoreOptions } from '../support/core.js';

/** Number of objects that take turns at being the published one. */
export const OBJECTS = 4;
/** What an object holds while it is published, and while nobody may read it. */
export const GOOD = 0x600d;
export const POISON = 0x0bad;

/** Words of the test, 64 bytes apart. */
export const WORD = { published: 0, stage: 64, stop: 128, sections: 192, objects: 256 } as const;

/** The reader is in its section. */
export const INSIDE = 1;

/** Domains, and cells on shared memory. */
export interface SrcuRegions {
  readonly srcu: SrcuPlace;
  readonly words: Region;
}

/** What a thread is told. */
export interface SrcuInput {
  readonly handle: TestCoreHandle;
  readonly name: string;
  readonly domain: number;
  readonly rounds?: number;
  /** Whether the writer leaves its wait out. */
  readonly withoutWait?: boolean;
  readonly waitLimitMs?: number;
}

export function buildSrcu(layout: Layout, classes: LockClasses): SrcuRegions {
  return { srcu: layoutSrcu(layout, classes), words: layout.bytes('hot', 'words', 1024) };
}

function attach(input: SrcuInput) {
  const options: TestCoreOptions = { name: input.name, waitLimitMs: input.waitLimitMs ?? 10_000 };
  const test = attachTestCore(buildSrcu, input.handle, options);
  const srcu = new Srcu(test.core, test.regions.srcu);
  if (input.withoutWait === true) srcu.synchronizeSrcu = () => {};
  const { i32 } = test.arena;
  const cell = (word: number): number => (test.regions.words.base + word) >> 2;
  return { test, srcu, i32, cell, domain: input.domain };
}

/** Reads until told to stop, asleep in every eighth section; gives how often it saw an object that nobody may read. */
export function readOften(input: SrcuInput): number {
  const { srcu, i32, cell, test, domain } = attach(input);
  let bad = 0;
  for (let round = 0; round < 20_000_000 && Atomics.load(i32, cell(WORD.stop)) === 0; round++) {
    const index = srcu.srcuReadLock(domain);
    const object = cell(WORD.objects + 64 * Atomics.load(i32, cell(WORD.published)));
    const inner = srcu.srcuReadLock(domain);
    for (let look = 0; look < 20; look++) if (Atomics.load(i32, object) !== GOOD) bad++;
    srcu.srcuReadUnlock(domain, inner);
    if (round % 8 === 0) Atomics.wait(i32, cell(WORD.stop), 0, 1);
    if (Atomics.load(i32, object) !== GOOD) bad++;
    srcu.srcuReadUnlock(domain, index);
    Atomics.add(i32, cell(WORD.sections), 1);
  }
  test.tasks.release(test.task);
  return bad;
}

/** Replaces the object many times while others read, then tells them to stop; gives the number of sections they read. */
export function replaceOften(input: SrcuInput): number {
  const { srcu, i32, cell, test, domain } = attach(input);
  // No round before somebody reads.
  for (let slice = 0; slice < 200 && Atomics.load(i32, cell(WORD.sections)) === 0; slice++) {
    Atomics.wait(i32, cell(WORD.sections), 0, 50);
  }
  for (let round = 0; round < (input.rounds ?? 1); round++) {
    const old = Atomics.load(i32, cell(WORD.published));
    const next = (old + 1) % OBJECTS;
    Atomics.store(i32, cell(WORD.objects + 64 * next), GOOD);
    Atomics.store(i32, cell(WORD.published), next);
    srcu.synchronizeSrcu(domain);
    Atomics.store(i32, cell(WORD.objects + 64 * old), POISON);
  }
  Atomics.store(i32, cell(WORD.stop), 1);
  Atomics.notify(i32, cell(WORD.stop));
  test.tasks.release(test.task);
  return Atomics.load(i32, cell(WORD.sections));
}

/** Waits many times, together with others who do the same. */
export function synchronizeOften(input: SrcuInput): number {
  const { srcu, test, domain } = attach(input);
  for (let round = 0; round < (input.rounds ?? 1); round++) srcu.synchronizeSrcu(domain);
  test.tasks.release(test.task);
  return 0;
}

/** Enters a section and never leaves it. */
export function neverLeave(input: SrcuInput): void {
  const { srcu, i32, cell, domain } = attach(input);
  srcu.srcuReadLock(domain);
  Atomics.store(i32, cell(WORD.stage), INSIDE);
  Atomics.wait(i32, cell(WORD.stop), 0, 15_000);
}

/** Waits for the readers; the error of a wait that fails is the scenario's. */
export function waitForReaders(input: SrcuInput): string {
  const { srcu, domain } = attach(input);
  srcu.synchronizeSrcu(domain);
  return 'all gone';
}
