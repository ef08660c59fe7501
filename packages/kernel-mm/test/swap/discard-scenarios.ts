/**
 * What the threads of the discard tests do. Each function runs in a thread of its own.
 */
import { attachMachine, type MachineHandle } from '#src/machine/machine.js';
import { DiscardView } from './discard-machine.js';

/** What a churning thread is told. */
export interface ContentsInput {
  readonly handle: MachineHandle;
  readonly seed: number;
  readonly rounds: number;
  /** Slots this thread may hold at one time. */
  readonly holds: number;
  /** How long each discard is held up before it is issued, in milliseconds. */
  readonly delayMs: number;
}

/** What it saw. */
export interface ContentsResult {
  readonly taken: number;
  /** Times there was no slot. */
  readonly refused: number;
  /** Pages that were not as they had been written. */
  readonly lost: number;
}

/**
 * Takes slots, writes each as soon as it has it, frees them at random, and looks before whether the page is still there.
 */
export function churnContents(input: ContentsInput): ContentsResult {
  const hands = attach(input.handle, `churn ${input.seed}`);
  delayDiscards(hands, input.delayMs);
  const held: { slot: number; stamp: number }[] = [];
  let [taken, refused, lost] = [0, 0, 0];
  let random = Math.imul(input.seed + 1, 0x9e37_79b9);
  for (let round = 0; round < input.rounds; round++) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
    const choice = random >>> 12;
    if (held.length < input.holds && (choice & 7) !== 0) {
      const slot = hands.take();
      if (slot === 0) refused++;
      else {
        const stamp = (input.seed << 24) + ++taken;
        hands.write(slot, stamp);
        held.push({ slot, stamp });
      }
    } else {
      // In runs, so that clusters get empty.
      for (let count = 0; count < 1 + (choice % 300) && held.length > 0; count++) lost += give(hands, held);
    }
  }
  while (held.length > 0) lost += give(hands, held);
  hands.close();
  return { taken, refused, lost };
}

/** Frees the slot taken first; 1 when its page was lost. */
function give(hands: DiscardView, held: { slot: number; stamp: number }[]): number {
  const { slot, stamp } = held.shift()!;
  const isLost = hands.read(slot) !== stamp;
  hands.free(slot);
  return isLost ? 1 : 0;
}

/** The discard worker, until it is told to end; returns the clusters it discarded. */
export function kdiscardd(input: { readonly handle: MachineHandle; readonly delayMs: number }): number {
  const hands = attach(input.handle, 'kdiscardd');
  delayDiscards(hands, input.delayMs);
  const { clusters } = hands.view.kernel.swap;
  let done = 0;
  while (!clusters.shouldStop()) done += clusters.serve(1000);
  hands.close();
  return done;
}

/** Four Int32: 1 when the discard is about to be issued, 1 when it may, and how many events there were. */
export interface StallInput {
  readonly handle: MachineHandle;
  readonly signals: SharedArrayBuffer;
}
const BEGUN = 0;
const MAY_GO_ON = 1;
const EVENTS = 2;

/** Takes the first slot of a cluster; its discard waits for the test. Returns the slot, and as which event the discard was over. */
export function discardSlowly(input: StallInput): readonly [number, number] {
  const hands = attach(input.handle, 'discarder');
  const signals = new Int32Array(input.signals);
  const { discard } = hands.view.kernel.swap;
  const issue = discard.issue.bind(discard);
  let event = 0;
  discard.issue = (...words) => {
    Atomics.store(signals, BEGUN, 1);
    Atomics.wait(signals, MAY_GO_ON, 0, 10_000);
    const error = issue(...words);
    event = Atomics.add(signals, EVENTS, 1) + 1;
    return error;
  };
  const slot = hands.take();
  hands.close();
  return [slot, event];
}

/** Takes a slot and writes it; returns the slot, as which event it had it, and what the page holds in the end. */
export function takeMeanwhile(input: StallInput): readonly [number, number] {
  const hands = attach(input.handle, 'waiter');
  const signals = new Int32Array(input.signals);
  const slot = hands.take();
  const event = Atomics.add(signals, EVENTS, 1) + 1;
  hands.close();
  return [slot, event];
}

function attach(handle: MachineHandle, name: string): DiscardView {
  return new DiscardView(attachMachine(handle, { name, waitLimitMs: 10_000 }));
}

/** Makes the moment longer in which a discard could hit what it must not. */
function delayDiscards(hands: DiscardView, delayMs: number): void {
  if (delayMs === 0) return;
  const { discard } = hands.view.kernel.swap;
  const issue = discard.issue.bind(discard);
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const { context } = hands.view.kernel.core;
  const { table } = hands.view.kernel.swap;
  discard.issue = (...words) => {
    if (!context.holds(table.swapLock.address)) Atomics.wait(cell, 0, 0, delayMs);
    return issue(...words);
  };
}
