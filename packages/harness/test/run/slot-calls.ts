/**
 * What one run asks of the slot allocator, recorded, and done again on another machine: every slot that is handed out is written at once,
 * so that policies can be compared slot by slot.
 */
import {
  BIO_READ,
  BIO_WRITE,
  createMachine,
  GFP_KERNEL,
  PAGE_SIZE,
  SECTORS_PER_PAGE,
  swpEntry,
  swpOffset,
  swpType,
  type FreeSlotPolicy,
  type MachineView,
  type SwapEntry,
} from '@swaplab/kernel-mm';
import { ramzswap, ramzswapOf, type RamzswapView } from '@swaplab/ramzswap';

import type { PhaseName } from '#src/workload/plan.js';
import { countSlots } from '#src/swappers/census.js';
import type { SlotCounts } from '#src/run/document.js';
import type { SoloRun } from './support.js';

/** One call. Slots are named by the order in which they were handed out, since another policy may hand out others. */
export type SlotCall =
  | { readonly kind: 'take'; readonly id: number }
  | { readonly kind: 'write'; readonly id: number }
  | { readonly kind: 'free'; readonly id: number }
  | { readonly kind: 'checkpoint'; readonly phase: PhaseName };

/**
 * Runs a workload to its end and records its calls.
 *
 * @param run - not yet begun
 * @param phases - the phase of each of its checkpoints
 */
export function recordSlotCalls(run: SoloRun, phases: readonly PhaseName[]): SlotCall[] {
  const calls: SlotCall[] = [];
  const idOf = new Map<SwapEntry, number>();
  const { swap, vm } = run.kernel;
  const { allocator, counts } = swap;
  let ids = 0;
  const getSwapPage = allocator.getSwapPage.bind(allocator);
  allocator.getSwapPage = () => {
    const entry = getSwapPage();
    if (entry === 0) return entry;
    idOf.set(entry, ids);
    calls.push({ kind: 'take', id: ids++ });
    return entry;
  };
  const slotFreed = counts.slotFreed.bind(counts);
  counts.slotFreed = (area, type, offset) => {
    calls.push({ kind: 'free', id: idOf.get(swpEntry(type, offset)) ?? -1 });
    slotFreed(area, type, offset);
  };
  const { io } = vm;
  const swapWritepage = io.swapWritepage.bind(io);
  io.swapWritepage = (page) => {
    const id = idOf.get(vm.cache.swapEntryOf(page)) ?? -1;
    const before = calls.length;
    const error = swapWritepage(page);
    // Where nobody needs the slot any more it is freed instead.
    if (calls.length === before) calls.push({ kind: 'write', id });
    return error;
  };
  for (const [index, phase] of phases.entries()) {
    run.runToCheckpoint(index + 1);
    calls.push({ kind: 'checkpoint', phase });
  }
  run.finish();
  calls.push({ kind: 'checkpoint', phase: 'free the rest' });
  return calls;
}

/** What was there at a checkpoint. */
export interface ReplayCheckpoint extends SlotCounts {
  readonly phase: PhaseName;
  /** Stored slots of each area. */
  readonly storedOfArea: readonly number[];
}

/** What a replay has shown. */
export interface Replay {
  readonly checkpoints: readonly ReplayCheckpoint[];
  /** Entries in the order in which they were handed out. */
  readonly entries: readonly SwapEntry[];
  /** Stored slots after each call, all areas together. */
  readonly stored: Int32Array;
  /** Pages that were not as they had been written, when they were freed or at the end. */
  readonly lost: number;
}

/** Where calls are done again. */
export interface ReplayPlace {
  readonly disks: number;
  readonly diskPages: number;
}

/**
 * Does recorded calls again, in the calling thread.
 *
 * @param calls - from {@link recordSlotCalls}
 * @param policy - of the machine
 * @param place - its disks
 */
export function replaySlotCalls(
  calls: readonly SlotCall[],
  policy: FreeSlotPolicy,
  { disks, diskPages }: ReplayPlace,
): Replay {
  const machine = createMachine({
    ramBytes: (disks * diskPages + 2048) * PAGE_SIZE,
    policy,
    ramDisks: [],
    drivers: [ramzswap({ disks, diskBytes: diskPages * PAGE_SIZE, codec: 'none' })],
  });
  machine.record();
  const view = machine.attach();
  for (let disk = 0; disk < disks; disk++) view.swapon(`/dev/ramzswap${String(disk)}`, { priority: 5 });
  return new Replayer(view).run(calls);
}

class Replayer {
  readonly #view: MachineView;
  readonly #driver: RamzswapView;
  readonly #page: number;
  readonly #entries: SwapEntry[] = [];
  #lost = 0;

  constructor(view: MachineView) {
    this.#view = view;
    this.#driver = ramzswapOf(view);
    this.#page = view.kernel.frames.allocPage(GFP_KERNEL);
  }

  run(calls: readonly SlotCall[]): Replay {
    const checkpoints: ReplayCheckpoint[] = [];
    const stored = new Int32Array(calls.length);
    for (const [index, call] of calls.entries()) {
      if (call.kind === 'take') this.#take(call.id);
      else if (call.kind === 'write') this.#transfer(call.id, BIO_WRITE);
      else if (call.kind === 'free') this.#free(call.id);
      else {
        checkpoints.push({
          phase: call.phase,
          ...countSlots(this.#view),
          storedOfArea: this.#storedOfArea(),
        });
      }
      // There is no worker in one thread.
      this.#view.flushDiscards();
      stored[index] = this.#storedOfArea().reduce((sum, count) => sum + count, 0);
    }
    return { checkpoints, entries: this.#entries, stored, lost: this.#lost };
  }

  #storedOfArea(): number[] {
    return this.#driver.devices.map((device) => {
      const { pagesStored, pagesZero } = device.readStats();
      return pagesStored + pagesZero;
    });
  }

  #take(id: number): void {
    const { allocator, counts } = this.#view.kernel.swap;
    const entry = allocator.getSwapPage();
    if (entry === 0) throw new Error(`no slot for ${String(id)}`);
    this.#entries[id] = entry;
    // From the swap cache to one user, as when its page is unmapped, written and dropped.
    counts.swapDuplicate(entry);
    this.#transfer(id, BIO_WRITE);
    counts.swapcacheFree(entry);
  }

  #free(id: number): void {
    this.#transfer(id, BIO_READ);
    this.#view.kernel.swap.counts.swapFree(this.#entryOf(id));
  }

  /** Writes the number of a slot, or looks whether it is still there. */
  #transfer(id: number, operation: number): void {
    const { block, core, frames, swap } = this.#view.kernel;
    const entry = this.#entryOf(id);
    const address = frames.addressOf(this.#page);
    const { i32 } = core.cells.arena;
    i32.fill(operation === BIO_WRITE ? id + 1 : 0, address >> 2, (address + PAGE_SIZE) >> 2);
    const bio = block.bios.allocBio(GFP_KERNEL);
    const sector = swpOffset(entry) * SECTORS_PER_PAGE;
    block.bios.setPage(bio, swap.table.bdevOf(entry), operation, sector, address);
    if (block.bios.submitBio(bio) !== 0) throw new Error(`no transfer for ${String(id)}`);
    block.bios.freeBio(bio);
    const last = (address + PAGE_SIZE - 4) >> 2;
    if (i32[address >> 2] !== id + 1 || i32[last] !== id + 1) this.#lost++;
  }

  #entryOf(id: number): SwapEntry {
    const entry = this.#entries[id];
    if (entry === undefined) throw new Error(`slot ${String(id)} was never handed out`);
    return entry;
  }
}

/** `[area, slot]` of an entry. */
export function placeOf(entry: SwapEntry): [number, number] {
  return [swpType(entry), swpOffset(entry)];
}
