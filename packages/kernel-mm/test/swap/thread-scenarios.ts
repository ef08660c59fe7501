/**
 * What the threads of the swap tests do. Each function runs in a thread of its own, attached to the machine of the test.
 */
import type { FileConfig } from '#src/block/files.js';
import { EBUSY } from '#src/errno.js';
import { swpOffset, swpType, type SwapEntry } from '#src/swap/entries.js';
import type { TestCoreHandle } from '../support/core.js';
import { attachSwapMachine } from './machine.js';

/** What a churning thread is told. */
export interface ChurnInput {
  readonly handle: TestCoreHandle;
  readonly seed: number;
  readonly rounds: number;
  /** Slots this thread may hold at one time. */
  readonly holds: number;
  /** One Int32 a slot and area: 0, or the thread that owns it. */
  readonly owners: SharedArrayBuffer;
  /** Slots of an area. */
  readonly slots: number;
}

/** What a thread did. */
export interface ChurnResult {
  readonly allocated: number;
  readonly refused: number;
  /** Times the callback was called in this thread. */
  readonly notified: number;
  /** Slots that were owned by somebody when they were handed out, or free when the callback came. */
  readonly clashes: number;
}

/**
 * Takes and frees slots at random, marks each slot it owns, and looks whether anybody else marked it.
 */
export function churn(input: ChurnInput): ChurnResult {
  const machine = attachSwapMachine(input.handle, { name: `churn ${input.seed}` });
  const { allocator, counts, freeNotify } = machine.swap;
  const owners = new Int32Array(input.owners);
  const me = input.seed + 1;
  const result = { allocated: 0, refused: 0, notified: 0, clashes: 0 };
  let freeing: SwapEntry = 0;
  const symbol = freeNotify.functions.define('churned', (_bdev, slot) => {
    result.notified++;
    // A slot is still marked when its callback comes, and the callback is about the slot this thread frees.
    const mine = Atomics.exchange(owners, indexOf(freeing, input.slots), 0) === me;
    if (!mine || slot !== swpOffset(freeing)) result.clashes++;
  });
  for (let type = 0; type < machine.swap.table.nrSwapfiles(); type++)
    freeNotify.setSwapFreeNotify(type, symbol);
  const held: SwapEntry[] = [];
  let random = Math.imul(me, 0x9e37_79b9);
  for (let round = 0; round < input.rounds; round++) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
    const choice = random >>> 16;
    if (held.length < input.holds && (choice & 3) !== 0) {
      const entry = allocator.getSwapPage();
      if (entry === 0) {
        result.refused++;
        continue;
      }
      result.allocated++;
      if (Atomics.exchange(owners, indexOf(entry, input.slots), me) !== 0) result.clashes++;
      counts.swapDuplicate(entry);
      counts.swapcacheFree(entry);
      held.push(entry);
    } else if (held.length > 0) {
      freeing = held.splice(choice % held.length, 1)[0]!;
      counts.swapFree(freeing);
    }
  }
  while (held.length > 0) {
    freeing = held.pop()!;
    counts.swapFree(freeing);
  }
  return result;
}

/** Switches areas on and off while others take slots of another one. */
export function toggle(input: { readonly handle: TestCoreHandle; readonly rounds: number }): number[] {
  const machine = attachSwapMachine(input.handle, { name: 'toggle' });
  const errors: number[] = [];
  machine.useCache({
    vmEnoughMemory: () => true,
    // Whoever holds slots keeps them: then the area stays.
    tryToUnuse: (type) => (machine.field(type, 'inusePages') === 0 ? 0 : -12),
  });
  for (let round = 0; round < input.rounds; round++) {
    const type = machine.area(64, { prio: 9 });
    if (type < 0) errors.push(type);
    while (machine.swap.off.swapoffType(type) === -12);
  }
  return errors;
}

/** Takes slots of whatever area there is, and frees each at once. */
export function borrow(input: { readonly handle: TestCoreHandle; readonly rounds: number }): number {
  const machine = attachSwapMachine(input.handle, { name: 'borrow' });
  let taken = 0;
  for (let round = 0; round < input.rounds; round++) {
    const entry = machine.swap.allocator.getSwapPage();
    if (entry === 0) continue;
    taken++;
    machine.swap.counts.swapcacheFree(entry);
  }
  return taken;
}

/** What a thread did to a file. */
export interface FileResult {
  /** Times this thread switched it on. */
  readonly owned: number;
  /** Calls that found it in use. */
  readonly busy: number;
  /** Times somebody else had switched it on meanwhile, and answers that cannot be. */
  readonly clashes: number;
}

/** Switches one file on and off again, and formats it in between; others do the same. */
export function toggleFile(input: {
  readonly handle: TestCoreHandle;
  readonly rounds: number;
  readonly files: readonly FileConfig[];
  /** One Int32: threads that have it switched on. */
  readonly owners: SharedArrayBuffer;
}): FileResult {
  const { handle, rounds, files } = input;
  const machine = attachSwapMachine(handle, { name: 'toggle file' }, undefined, undefined, files);
  const owners = new Int32Array(input.owners);
  const { on, off } = machine.swap;
  const result = { owned: 0, busy: 0, clashes: 0 };
  for (let round = 0; round < rounds; round++) {
    const type = on.swapon('/swapfile', 0);
    if (type === -EBUSY) result.busy++;
    else if (type < 0) result.clashes++;
    else {
      result.owned++;
      if (Atomics.add(owners, 0, 1) !== 0) result.clashes++;
      if (machine.makeSwap.mkswap('/swapfile') !== -EBUSY) result.clashes++;
      Atomics.sub(owners, 0, 1);
      if (off.swapoff('/swapfile') !== 0) result.clashes++;
    }
    const formatted = machine.makeSwap.mkswap('/swapfile');
    if (formatted === -EBUSY) result.busy++;
    else if (formatted !== 0) result.clashes++;
  }
  return result;
}

function indexOf(entry: SwapEntry, slots: number): number {
  return swpType(entry) * slots + swpOffset(entry);
}
