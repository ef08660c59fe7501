/**
 * The threads of the lock benchmarks: each message is an order, each answer a message.
 *
 * A thread runs nothing but this, so that the engine sees the accessors with a null hook and with no other types, as in a free run. Times are
 * the best of many short runs, since on a shared machine every disturbance only makes a run longer.
 */
import { parentPort } from 'node:worker_threads';
import { NOT_TRACED, type SpinlockKind, type WasmMemory } from '@swaplab/kernel-mm';
import { attachLockMachine, WORDS, type LockMachine } from './lock-machine.js';

/** What a thread is told to do. */
export type BenchOrder =
  | { readonly kind: 'uncontended'; readonly memory: WasmMemory; readonly name: string }
  | {
      readonly kind: 'contended';
      readonly memory: WasmMemory;
      readonly name: string;
      /** Number of the trial; the word `go` is set to it when it starts, and `stop` when it ends. */
      readonly trial: number;
      /** Rounds of {@link work} inside and outside of the critical section. */
      readonly workRounds: number;
      readonly spinlock: SpinlockKind;
      /** Entries between two looks at the word `stop`. */
      readonly entriesPerLook: number;
    };

/** ns per operation, and what one round of {@link work} costs. */
export interface UncontendedAnswer {
  readonly lockUnlockNs: number;
  readonly pointLoadNs: number;
  readonly plainLoadNs: number;
  /** The same with the tracepoints of a round, which nobody wants, in each round. */
  readonly tracedLoadNs: number;
  readonly workRoundNs: number;
}

/** What one thread did in a trial. */
export interface ContendedAnswer {
  /** Times it had the lock. */
  readonly entries: number;
}

/** Operations of a run: about half a millisecond of locking, short against the disturbances of a shared machine. */
const ITERATIONS = 20_000;
const WARM_UP_RUNS = 60;
/** Long enough in all, a tenth of a second, that some runs are not disturbed. */
const RUNS = 200;
/** Words that the load loops go over: 1 KiB, which stays in the nearest cache. */
const LOAD_WORDS_MASK = 255;
/** Longest wait for the start of a trial, in milliseconds. */
const START_LIMIT_MS = 20_000;

/** Where results of loops go, so that they are not optimised away. */
let sink = 0;
let machine: LockMachine | undefined;

function lockLoop(view: LockMachine, iterations: number): void {
  const { lock, arena, words } = view;
  const { i32 } = arena;
  const counter = words + WORDS.counter;
  for (let index = 0; index < iterations; index++) {
    lock.lock();
    i32[counter] = (i32[counter] ?? 0) + 1;
    lock.unlock();
  }
}

function pointLoop(view: LockMachine, iterations: number): number {
  const { cells, data } = view;
  let sum = 0;
  for (let index = 0; index < iterations; index++)
    sum = (sum + cells.ld32(data + ((index & LOAD_WORDS_MASK) << 2))) | 0;
  return sum;
}

function plainLoop(view: LockMachine, iterations: number): number {
  const { arena, data } = view;
  const { i32 } = arena;
  let sum = 0;
  for (let index = 0; index < iterations; index++) {
    sum = (sum + (i32[(data + ((index & LOAD_WORDS_MASK) << 2)) >> 2] ?? 0)) | 0;
  }
  return sum;
}

function tracedLoop(view: LockMachine, iterations: number): number {
  const { arena, data, trace } = view;
  const { i32 } = arena;
  let sum = 0;
  for (let index = 0; index < iterations; index++) {
    const since = trace.beginNotify();
    sum = (sum + (i32[(data + ((index & LOAD_WORDS_MASK) << 2)) >> 2] ?? 0)) | 0;
    if (since !== NOT_TRACED) trace.notify(since, 0, index, true);
    trace.slotAlloc(0, index);
  }
  return sum;
}

/** Keeps the processor busy without touching memory. */
function work(rounds: number, seed: number): number {
  let value = seed | 0;
  for (let round = 0; round < rounds; round++) value = (Math.imul(value, 1664525) + 1013904223) | 0;
  return value;
}

/** ns of one run, divided by its operations. */
function timed(iterations: number, run: () => void): number {
  const start = performance.now();
  run();
  return ((performance.now() - start) * 1e6) / iterations;
}

function measureUncontended(view: LockMachine): UncontendedAnswer {
  const loops = [
    () => lockLoop(view, ITERATIONS),
    () => (sink ^= pointLoop(view, ITERATIONS)),
    () => (sink ^= plainLoop(view, ITERATIONS)),
    () => (sink ^= tracedLoop(view, ITERATIONS)),
    () => (sink ^= work(ITERATIONS, sink)),
  ];
  for (let run = 0; run < WARM_UP_RUNS; run++) for (const loop of loops) loop();
  const best = loops.map(() => Infinity);
  for (let run = 0; run < RUNS; run++) {
    for (const [index, loop] of loops.entries()) {
      best[index] = Math.min(best[index] ?? Infinity, timed(ITERATIONS, loop));
    }
  }
  const [lockUnlockNs, pointLoadNs, plainLoadNs, tracedLoadNs, workRoundNs] = best as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { lockUnlockNs, pointLoadNs, plainLoadNs, tracedLoadNs, workRoundNs };
}

function contend(
  view: LockMachine,
  order: { readonly trial: number; readonly workRounds: number; readonly entriesPerLook: number },
): ContendedAnswer {
  const { trial, workRounds, entriesPerLook } = order;
  const { lock, arena, words } = view;
  const { i32 } = arena;
  const counter = words + WORDS.counter;
  const go = words + WORDS.go;
  const stop = words + WORDS.stop;
  Atomics.add(i32, words + WORDS.ready, 1);
  const before = Atomics.load(i32, go);
  if (before !== trial && Atomics.wait(i32, go, before, START_LIMIT_MS) === 'timed-out') {
    throw new Error(`trial ${trial} did not start within ${START_LIMIT_MS} ms`);
  }
  let entries = 0;
  let value = trial;
  while (Atomics.load(i32, stop) !== trial) {
    for (let index = 0; index < entriesPerLook; index++) {
      lock.lock();
      const seen = i32[counter] ?? 0;
      value = work(workRounds, value);
      i32[counter] = seen + 1;
      lock.unlock();
      value = work(workRounds, value);
    }
    entries += entriesPerLook;
  }
  sink ^= value;
  return { entries };
}

parentPort?.on('message', (order: BenchOrder) => {
  const spinlock = order.kind === 'contended' ? order.spinlock : 'adaptive';
  machine ??= attachLockMachine(order.memory, order.name, spinlock);
  const answer = order.kind === 'uncontended' ? measureUncontended(machine) : contend(machine, order);
  parentPort?.postMessage(answer);
});
