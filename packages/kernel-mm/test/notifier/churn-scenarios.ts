/** What the threads of the churn tests do: some call a chain without end, others register and unregister blocks on it meanwhile. */
import type { Region } from '#src/arena/layout.js';
import type { Layout } from '#src/arena/layout.js';
import { NOTIFIER_BLOCK, NOTIFIER_BLOCKS_MAX } from '#src/notifier/blocks.js';
import { NOTIFY_OK } from '#src/notifier/constants.js';
import type { LockClasses } from '#src/sync/lock-classes.js';
import { attachTestCore, type TestCore, type TestCoreHandle } from '../support/core.js';
import { attachNotifiers, buildNotifiers, type Notifiers, type NotifierRegions } from './scenarios.js';

/** Kinds of chains. */
export const KINDS = ['raw', 'blocking', 'atomic', 'srcu'] as const;
export type Kind = (typeof KINDS)[number];

/** The chains, and what the threads tell each other. */
export interface ChurnRegions extends NotifierRegions {
  /** First word: stop; second: calls so far; third: registrars that have ended. */
  readonly words: Region;
  /** A word for each block: whether its callback may run. */
  readonly allowed: Region;
}

/** What a thread is told. */
export interface ChurnInput {
  readonly handle: TestCoreHandle;
  readonly kind: Kind;
  readonly name: string;
  readonly rounds?: number;
  /** Whether an unregistration leaves its wait for readers out. */
  readonly withoutWait?: boolean;
}

/** What a caller has seen. */
export interface CallerReport {
  readonly calls: number;
  /** Callbacks that ran, at the begin or at the end, while their block was not registered. */
  readonly forbidden: number;
  /** Calls in which a block that was there all the time was not called once, or not in its place. */
  readonly outOfOrder: number;
  /** Callbacks of blocks that come and go. */
  readonly visits: number;
}

export function buildChurn(layout: Layout, classes: LockClasses): ChurnRegions {
  return {
    ...buildNotifiers(layout, classes),
    words: layout.bytes('hot', 'churn_words', 64),
    allowed: layout.bytes('hot', 'churn_allowed', 64 * NOTIFIER_BLOCKS_MAX),
  };
}

/** A chain of any kind; the raw one under a lock of its users. */
export interface Chain {
  register(block: number): number;
  unregister(block: number): number;
  call(action: number): number;
}

export function chainOf(notifiers: Notifiers, kind: Kind): Chain {
  const chain = notifiers[kind];
  if (kind !== 'raw') {
    return {
      register: (block) => chain.register(block),
      unregister: (block) => chain.unregister(block),
      call: (action) => chain.call(action, 0),
    };
  }
  const locked = (work: () => number): number => {
    notifiers.rawLock.lock();
    try {
      return work();
    } finally {
      notifiers.rawLock.unlock();
    }
  };
  return {
    register: (block) => locked(() => chain.register(block)),
    unregister: (block) => locked(() => chain.unregister(block)),
    call: (action) => locked(() => chain.call(action, 0)),
  };
}

/** Word of a block in `allowed`. */
export function allowedCell(machine: TestCore<ChurnRegions>, block: number): number {
  const index = (block - machine.regions.blocks.base) / NOTIFIER_BLOCK.$bytes;
  return (machine.regions.allowed.base + 64 * index) >> 2;
}

/** Defines the callbacks, in the same order in every thread. */
export function defineCallbacks(machine: TestCore<ChurnRegions>, notifiers: Notifiers, order: string[]) {
  const { calls } = notifiers.blocks;
  const { i32 } = machine.arena;
  const seen = { forbidden: 0, visits: 0 };
  const first = calls.define('first', () => (order.push('first'), NOTIFY_OK));
  const last = calls.define('last', () => (order.push('last'), NOTIFY_OK));
  const visiting = calls.define('visiting', (block) => {
    const cell = allowedCell(machine, block);
    if (Atomics.load(i32, cell) !== 1) seen.forbidden++;
    for (let look = 0; look < 200; look++) if (Atomics.load(i32, cell) !== 1) seen.forbidden++;
    order.push('visit');
    seen.visits++;
    return NOTIFY_OK;
  });
  return { first, last, visiting, seen };
}

/** Calls the chain until told to stop. */
export function callOften(input: ChurnInput): CallerReport {
  const machine = attachTestCore(buildChurn, input.handle, { name: input.name });
  const notifiers = attachNotifiers(machine);
  const order: string[] = [];
  const { seen } = defineCallbacks(machine, notifiers, order);
  const chain = chainOf(notifiers, input.kind);
  const { i32 } = machine.arena;
  const [stop, calls] = [machine.regions.words.base >> 2, (machine.regions.words.base + 4) >> 2];
  let count = 0;
  let outOfOrder = 0;
  while (Atomics.load(i32, stop) === 0 && count < 2_000_000) {
    order.length = 0;
    chain.call(count);
    const inner = order.slice(1, -1);
    if (order[0] !== 'first' || order.at(-1) !== 'last' || inner.some((name) => name !== 'visit'))
      outOfOrder++;
    count++;
    Atomics.add(i32, calls, 1);
  }
  machine.tasks.release(machine.task);
  return { calls: count, forbidden: seen.forbidden, outOfOrder, visits: seen.visits };
}

/** Registers and unregisters blocks of its own; the last one to end tells the callers to stop. Gives the number of failures. */
export function registerOften(input: ChurnInput): number {
  const machine = attachTestCore(buildChurn, input.handle, { name: input.name });
  const notifiers = attachNotifiers(machine);
  if (input.withoutWait === true) {
    notifiers.atomic.rcu.synchronizeRcu = () => {};
    notifiers.srcu.srcu.synchronizeSrcu = () => {};
  }
  const { visiting } = defineCallbacks(machine, notifiers, []);
  const chain = chainOf(notifiers, input.kind);
  const { i32 } = machine.arena;
  const [stop, calls, ended] = [0, 4, 8].map((at) => (machine.regions.words.base + at) >> 2);
  /** Waits until so many calls more have ended. */
  const waitForCalls = (more: number): void => {
    const target = Atomics.load(i32, calls!) + more;
    for (let slice = 0; slice < 5000; slice++) {
      const seen = Atomics.load(i32, calls!);
      if (seen >= target) return;
      Atomics.wait(i32, calls!, seen, 1);
    }
  };
  // No round before somebody calls.
  waitForCalls(1);
  let failures = 0;
  for (let round = 0; round < (input.rounds ?? 1); round++) {
    const mine: number[] = [];
    for (let index = 0; index < 3; index++) {
      const block = notifiers.blocks.create(visiting, (round + index) % 3);
      Atomics.store(i32, allowedCell(machine, block), 1);
      if (chain.register(block) !== 0) failures++;
      mine.push(block);
    }
    // Two callers: of five calls that end from now on, one at least has begun since.
    if (round % 16 === 0) waitForCalls(5);
    // Not in the order they came.
    for (const block of [mine[1]!, mine[0]!, mine[2]!]) {
      if (chain.unregister(block) !== 0) failures++;
      Atomics.store(i32, allowedCell(machine, block), 0);
      if (notifiers.blocks.destroy(block) !== 0) failures++;
    }
  }
  if (Atomics.add(i32, ended!, 1) === 1) Atomics.store(i32, stop!, 1);
  machine.tasks.release(machine.task);
  return failures;
}
