/**
 * What the threads of the machine tests do. Each function runs in a thread of its own.
 */
import { PAGE_SIZE } from '#src/arena/memory.js';
import { attachMachine, type MachineHandle } from '#src/machine/machine.js';

/** Attaches, looks at the machine, writes a page and reads it back; returns what it saw. */
export function lookAround(input: { readonly handle: MachineHandle; readonly mark: number }): unknown {
  const view = attachMachine(input.handle, { name: `looker ${input.mark}` });
  const { kernel } = view;
  const space = view.createAddressSpace({ bytes: 4 * PAGE_SIZE });
  space.write(10, Uint8Array.of(input.mark));
  const names = kernel.core.context.tasks.list().map((task) => task.name);
  const seen = {
    mark: space.read(10, 1)[0],
    free: kernel.frames.info().free,
    mayWait: kernel.core.context.options.mayWait,
    named: names.includes(`looker ${input.mark}`),
    config: kernel.config,
  };
  space.exit();
  view.detach();
  return seen;
}

/** A cell of the machine two threads can agree on: the first one of the tables, which nobody else uses here. */
export interface Meeting {
  readonly handle: MachineHandle;
  /** Two Int32: set to 1 by the thread that holds, and by the test when it may go on. */
  readonly signals: SharedArrayBuffer;
}

/** Takes a lock, says so, and keeps it until told. */
export function holdLock(
  input: Meeting & { readonly lock: 'swap_lock' | 'page_table_lock'; readonly mm: number },
): string {
  const view = attachMachine(input.handle, { name: 'holder' });
  const signals = new Int32Array(input.signals);
  const { swap, vm } = view.kernel;
  if (input.lock === 'swap_lock') swap.table.swapLock.lock();
  else vm.spaces.lockTable(input.mm);
  Atomics.store(signals, 0, 1);
  const told = Atomics.wait(signals, 1, 0, 10_000);
  if (input.lock === 'swap_lock') swap.table.swapLock.unlock();
  else vm.spaces.unlockTable(input.mm);
  view.detach();
  return told;
}

/** Defines the callback, frees slots of a process of its own, and returns how often its own copy was called. */
export function freeSlots(input: {
  readonly handle: MachineHandle;
  readonly pages: number;
  readonly defines: boolean;
}): unknown {
  const view = attachMachine(input.handle, { name: 'freer' });
  const slots: number[] = [];
  const symbol = input.defines ? view.define('count_frees', (_bdev, slot) => slots.push(slot)) : 0;
  const space = view.createAddressSpace({ bytes: input.pages * PAGE_SIZE });
  for (let page = 0; page < input.pages; page++) space.write(page * PAGE_SIZE, Uint8Array.of(1));
  view.reclaimPages(input.pages);
  space.exit();
  view.detach();
  return { symbol, slots: slots.length };
}

/** Attaches and ends without detaching, as a thread that dies does. */
export function dieAttached(input: { readonly handle: MachineHandle }): number {
  return attachMachine(input.handle, { name: 'mortal' }).kernel.core.context.current;
}
