/**
 * A whole machine for tests of the vm: small memory, RAM disks as swap, a limit on pages, and words for what the tests look at.
 */
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { IoFaultsOfDevice } from '#src/block/fault-injection.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import type { Kernel } from '#src/machine/kernel.js';
import { createMachine, type CreateMachineOptions, type Machine } from '#src/machine/machine.js';
import type { MachineView } from '#src/machine/view.js';
import { PAGE, PG_DIRTY, PG_SWAPCACHE } from '#src/page/page.js';
import { isSwapPte, pteToSwpEntry, type SwapEntry } from '#src/swap/entries.js';
import { checkSwapInvariants } from '#src/swap/invariants.js';
import type { FreeSlotPolicy } from '#src/swap/policy.js';
import { PTE_PRESENT } from '#src/vm/mm.js';
import type { Profile } from '#src/variants/profiles.js';
import { checkVmInvariants } from '#src/vm/invariants.js';
import type { VmEvent } from '#src/vm/stats.js';

/** How a test machine is made. */
export interface VmOptions {
  /** Most pages in memory; 0 for no limit. */
  readonly limitPages?: number;
  /** Usable slots of each disk; one disk of 255 by default. */
  readonly slots?: readonly number[];
  readonly ramPages?: number;
  readonly addressSpaces?: number;
  readonly shared?: boolean;
  /** How devices learn of freed slots; `'none'` by default. */
  readonly policy?: FreeSlotPolicy;
  /** log2 of the slots that are read together; none are by default. */
  readonly pageCluster?: number;
  readonly ioFaults?: readonly IoFaultsOfDevice[];
  readonly seed?: number;
  /** Faults to be put in; none by default. */
  readonly profile?: Profile;
  readonly variants?: readonly string[];
}

/** A machine with its swap switched on. */
export class VmMachine {
  readonly machine: Machine;
  readonly view: MachineView;
  readonly kernel: Kernel;
  /** Pages of table memory that belong to each area while it is on: its map and what goes with it. */
  tablesOfArea = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    this.view = machine.attach({ name: 'test', waitLimitMs: 10_000 });
    this.kernel = this.view.kernel;
  }

  /** An empty process of so many pages. */
  process(pages = 16): AddressSpace {
    return this.view.createAddressSpace({ bytes: pages * PAGE_SIZE });
  }

  /** Counts of the vm since the machine was made. */
  count(event: VmEvent): number {
    return this.kernel.vm.events.sums()[event];
  }

  /** Page-table entry of a virtual page. */
  pte(space: AddressSpace, vpn: number): number {
    return this.kernel.vm.spaces.pte(space.id, vpn);
  }

  /** Slot a virtual page is swapped to. */
  entry(space: AddressSpace, vpn: number): SwapEntry {
    const pte = this.pte(space, vpn);
    if (!isSwapPte(pte)) throw new Error(`virtual page ${vpn} is not swapped: 0x${pte.toString(16)}`);
    return pteToSwpEntry(pte);
  }

  /** Page a virtual page is present in. */
  page(space: AddressSpace, vpn: number): number {
    const pte = this.pte(space, vpn);
    if ((pte & PTE_PRESENT) === 0) throw new Error(`virtual page ${vpn} is not present`);
    return this.kernel.vm.spaces.pageOf(pte);
  }

  /** Map byte of a slot. */
  byte(entry: SwapEntry): number {
    return this.kernel.swap.table.mapByte(entry);
  }

  isDirty(page: number): boolean {
    return this.kernel.frames.testFlag(page, PG_DIRTY);
  }

  isCached(page: number): boolean {
    return this.kernel.frames.testFlag(page, PG_SWAPCACHE);
  }

  /** Slot of a page in the swap cache. */
  slotOf(page: number): SwapEntry {
    return this.kernel.core.cells.ldu32(page + PAGE.private);
  }

  /** Address of a disk. */
  disk(index = 0): number {
    return this.kernel.block.devices.byPath(`/dev/ram${index}`);
  }

  /** Slots in use of all areas. */
  inuse(): number {
    return this.kernel.swap.report.swaps().reduce((total, row) => total + row.inusePages, 0);
  }

  /** Writes one page to swap, which must be free to go. */
  swapOut(pages = 1): void {
    const freed = this.view.reclaimPages(pages);
    if (freed !== pages) throw new Error(`${freed} pages of ${pages} were reclaimed`);
  }

  /** Broken invariants of all floors, nobody else running. */
  broken(): string[] {
    return brokenInvariants(this.kernel);
  }

  /** What is left when all processes have ended: nothing, if all is well. */
  leftovers(): unknown {
    const { frames, swap, vm, vmalloc, reclaimList } = this.kernel;
    return {
      // Pages of the higher digits of counts stay until swapoff.
      framesInUse: frames.frameCount - frames.info().free - swap.continuations.livePages(),
      charged: frames.info().charged,
      slots: this.inuse(),
      cached: vm.cache.info().pages,
      listed: reclaimList.count(),
      tables: vmalloc.pagesInUse() - this.tablesOfArea * swap.report.swaps().length,
      processes: vm.spaces.list().length,
    };
  }
}

/** What {@link VmMachine.leftovers} is of a machine whose processes have all ended and whose areas are all as small as their tables can be. */
export const NOTHING_LEFT = {
  framesInUse: 0,
  charged: 0,
  slots: 0,
  cached: 0,
  listed: 0,
  tables: 0,
  processes: 0,
};

/** Broken invariants of all floors, nobody else running. */
export function brokenInvariants(kernel: Kernel): string[] {
  const { core, vm, frames, swap, reclaimList } = kernel;
  const broken = checkVmInvariants(core.cells, vm, frames, swap);
  broken.push(...frames.checkInvariants(), ...reclaimList.checkInvariants());
  swap.table.swapLock.lock();
  try {
    broken.push(...checkSwapInvariants(swap, true));
  } finally {
    swap.table.swapLock.unlock();
  }
  return broken;
}

/** Makes a machine, writes the headers and switches the disks on, all at one priority. */
export function createVmMachine(options: VmOptions = {}): VmMachine {
  const { limitPages = 0, slots = [255], ramPages = 256, addressSpaces = 16, shared = true } = options;
  const config: CreateMachineOptions = {
    ramBytes: ramPages * PAGE_SIZE,
    limitBytes: limitPages * PAGE_SIZE,
    addressSpaces,
    shared,
    policy: options.policy ?? 'none',
    pageCluster: options.pageCluster ?? 0,
    seed: options.seed ?? 1,
    profile: options.profile ?? 'sound',
    variants: options.variants ?? [],
    ramDisks: slots.map((count, index) => ({ name: `ram${index}`, bytes: (count + 1) * PAGE_SIZE })),
  };
  const vm = new VmMachine(createMachine(config));
  for (let index = 0; index < slots.length; index++) {
    vm.view.mkswap(`/dev/ram${index}`);
    vm.view.swapon(`/dev/ram${index}`, { priority: 1 });
    if (index === 0) vm.tablesOfArea = vm.kernel.vmalloc.pagesInUse();
  }
  for (const { device, ...faults } of options.ioFaults ?? [])
    vm.view.injectIoFaults(`/dev/${device}`, faults);
  return vm;
}

/** A page of bytes that no other seed gives. */
export function bytesOf(seed: number, length = PAGE_SIZE): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = Math.imul(seed + 1, 0x9e37_79b9);
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}
