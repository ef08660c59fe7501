/**
 * What the threads of the symbol tests do: define names at the same time.
 */
import { FunctionTable } from '#src/arena/symbols.js';
import { attachTestCore, type TestCoreHandle } from '../support/core.js';

/** What {@link defineAll} is told. */
export interface DefineInput {
  readonly handle: TestCoreHandle;
  /** In the order in which this thread defines them. */
  readonly names: readonly string[];
  readonly parties: number;
  /** Step by step the thread comes later by this many loads, modulo 60: so the steps of two threads meet in every phase. */
  readonly stagger: number;
}

/**
 * Defines all names, each at the same moment as the other threads define one of theirs.
 * @returns their numbers, in the order of the names sorted
 */
export function defineAll(input: DefineInput): number[] {
  const view = attachTestCore((layout) => layout.bytes('hot', 'start', 64), input.handle);
  const table = new FunctionTable<() => string>(view.symbols, 'notifier_call');
  const ids = new Map<string, number>();
  for (const [step, name] of input.names.entries()) {
    meet(view.arena.i32, view.regions.base >> 2, input.parties * (step + 1));
    for (let loads = (step * input.stagger) % 60; loads > 0; loads--) Atomics.load(view.arena.i32, 0);
    ids.set(
      name,
      table.define(name, () => name),
    );
  }
  for (const [name, id] of ids) {
    if (table.resolve(id)() !== name) throw new Error(`${id} is not ${name}`);
  }
  return input.names.toSorted().map((name) => ids.get(name)!);
}

/** Counts itself in and spins until all are there: they then go on within nanoseconds of each other. */
function meet(i32: Int32Array, cell: number, all: number): void {
  Atomics.add(i32, cell, 1);
  for (let spins = 0; Atomics.load(i32, cell) < all; spins++) {
    if (spins > 2_000_000_000) throw new Error('the other threads never came');
  }
}
