/**
 * What the threads of the tests of ticket locks do. The machine is that of `scenarios.ts`; every wait is bounded.
 */
import { attachLocks, WORD, type LockView, type ScenarioInput } from './scenarios.js';

function attach(input: ScenarioInput): LockView {
  const { handle, name, waitLimitMs, lockStats } = input;
  return attachLocks(handle, {
    name,
    waitLimitMs: waitLimitMs ?? 30_000,
    lockStats: lockStats ?? false,
    spinlock: 'ticket',
  });
}

/**
 * Enters a critical section many times and counts there with plain loads and stores.
 * @returns how often somebody else was seen inside
 */
export function countInOrder(input: ScenarioInput): number {
  const view = attach(input);
  const { i32 } = view.arena;
  const counter = view.cell(WORD.counter);
  const inside = view.cell(WORD.inside);
  const ready = view.cell(WORD.ready);
  const parties = input.parties ?? 1;
  let intruders = 0;
  Atomics.add(i32, ready, 1);
  Atomics.notify(i32, ready);
  for (;;) {
    const seen = Atomics.load(i32, ready);
    if (seen >= parties) break;
    if (Atomics.wait(i32, ready, seen, 15_000) === 'timed-out') throw new Error('the others did not start');
  }
  for (let round = input.rounds ?? 1; round > 0; round--) {
    view.spin.lock();
    if (i32[inside] !== 0) intruders++;
    i32[inside] = view.task + 1;
    i32[counter]! += 1;
    if (i32[inside] !== view.task + 1) intruders++;
    i32[inside] = 0;
    view.spin.unlock();
  }
  view.tasks.release(view.task);
  return intruders;
}

/**
 * Takes the lock once.
 * @returns how many had it before
 */
export function takeTurn(input: ScenarioInput): number {
  const view = attach(input);
  view.spin.lock();
  const turn = Atomics.add(view.arena.i32, view.cell(WORD.turn), 1);
  view.spin.unlock();
  return turn;
}

/** Takes the lock, says so, and stays inside until it is killed. */
export function holdInOrder(input: ScenarioInput): void {
  const view = attach(input);
  view.spin.lock();
  Atomics.add(view.arena.i32, view.cell(WORD.mark), 1);
  Atomics.wait(view.arena.i32, view.cell(WORD.go), 0, 15_000);
}
