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
}

/** Waits for the other threads, then defines all names; returns their numbers, in the order of the names sorted. */
export function defineAll(input: DefineInput): number[] {
  const view = attachTestCore((layout) => layout.bytes('hot', 'start', 64), input.handle);
  const { i32 } = view.arena;
  const cell = view.regions.base >> 2;
  Atomics.add(i32, cell, 1);
  for (let tries = 0; Atomics.load(i32, cell) < input.parties; tries++) {
    if (tries > 2_000_000_000) throw new Error('the other thread never came');
  }
  const table = new FunctionTable<() => string>(view.symbols, 'notifier_call');
  const ids = new Map(input.names.map((name) => [name, table.define(name, () => name)]));
  for (const [name, id] of ids) {
    if (table.resolve(id)() !== name) throw new Error(`${id} is not ${name}`);
  }
  return input.names.toSorted().map((name) => ids.get(name)!);
}
