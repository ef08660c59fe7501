/**
 * How variants are put to the test: the same steps in a sound machine, with the variant alone, and in the first profile it is part of.
 */
import { AddressSpace } from '#src/machine/address-space.js';
import type { MachineView } from '#src/machine/view.js';
import { PG_DIRTY } from '#src/page/page.js';
import type { FreeSlotPolicy } from '#src/swap/policy.js';
import { swpEntry, swpOffset, type SwapEntry } from '#src/swap/entries.js';
import type { SwapoffOps } from '#src/swap/operations.js';
import type { Profile } from '#src/variants/profiles.js';
import { installVariants, VARIANTS } from '#src/variants/registry.js';
import { attachSwapMachine, createSwapMachine, type SwapMachine } from '../swap/machine.js';
import type { VmMachine } from '../vm/machine.js';

/** What is wrong in a machine. */
export interface Faults {
  /** For the titles of tests. */
  readonly name: string;
  readonly profile: Profile;
  readonly variants: readonly string[];
}

/** A machine without faults. */
export const SOUND: Faults = { name: 'sound', profile: 'sound', variants: [] };

/** A machine with one variant, and one of a profile that has it. */
export function faultsWith(id: string): Faults[] {
  const variant = VARIANTS.find((candidate) => candidate.id === id);
  if (variant === undefined) throw new Error(`there is no variant '${id}'`);
  const alone: Faults = { name: id, profile: 'sound', variants: [id] };
  const profile = variant.inProfiles[0];
  return profile === undefined ? [alone] : [alone, { name: profile, profile, variants: [] }];
}

/** A swap core with faults. */
export function swapMachineWith(faults: Faults, policy?: FreeSlotPolicy): SwapMachine {
  const machine = createSwapMachine({}, undefined, policy);
  installVariants(machine, faults.profile, faults.variants);
  return machine;
}

/** Another task on the same swap core, with the same faults. It never waits: where it would have to, it throws `ERR_WOULD_BLOCK`. */
export function secondTask(machine: SwapMachine, faults: Faults): SwapMachine {
  const other = attachSwapMachine(machine.test.handle, { mayWait: false, name: 'other' });
  installVariants(other, faults.profile, faults.variants);
  return other;
}

/** Does something just before the first call of a method; `object` is the caller's own. */
export function beforeFirstCall<Name extends string>(
  object: Record<Name, (...args: never[]) => unknown>,
  name: Name,
  action: () => void,
): void {
  const original = object[name] as (this: unknown, ...args: unknown[]) => unknown;
  const once = function (this: unknown, ...args: unknown[]): unknown {
    object[name] = original;
    action();
    return original.apply(this, args);
  };
  object[name] = once;
}

/** A process as another task sees it. */
export function sameProcess(view: MachineView, space: AddressSpace): AddressSpace {
  return new AddressSpace(view.kernel.vm, space.id);
}

/** Takes slots of area 0 until only so many are free; the entries taken. */
export function fillSwap(vm: VmMachine, left: number): SwapEntry[] {
  const { allocator, table } = vm.kernel.swap;
  const taken: SwapEntry[] = [];
  while (table.nrSwapPages() > left) taken.push(allocator.getSwapPageOfType(0));
  if (taken.some((entry) => swpOffset(entry) === 0)) throw new Error('swap could not be filled');
  return taken;
}

/**
 * Does the first half of reclaim with a page: a slot, and out of the page tables. It stays in the swap cache, dirty.
 * @param view - of the task that reclaims
 * @param page - mapped
 */
export function unmapToSwap({ kernel }: MachineView, page: number): void {
  const { frames, vm } = kernel;
  frames.getPage(page);
  frames.lockPage(page);
  if (!vm.cache.addToSwap(page)) throw new Error('there is no slot');
  vm.rmap.tryToUnmap(page);
  frames.unlockPage(page);
  frames.putPage(page);
}

/** Does all of reclaim with a page that nobody else refers to. */
export function evict(view: MachineView, page: number): void {
  const { frames, vm } = view.kernel;
  unmapToSwap(view, page);
  frames.getPage(page);
  frames.lockPage(page);
  frames.clearFlag(page, PG_DIRTY);
  if (vm.io.swapWritepage(page) !== 0) throw new Error('the page was not written');
  frames.lockPage(page);
  if (!vm.cache.removeMapping(page)) throw new Error('the page is in use');
  frames.freeFrozenPage(page);
}

/** A memory manager that brings pages home by giving up the only reference to each slot. */
export class BringHome implements SwapoffOps {
  private readonly machine: SwapMachine;

  constructor(machine: SwapMachine) {
    this.machine = machine;
  }

  tryToUnuse(type: number): number {
    const { off, counts } = this.machine.swap;
    for (let slot = off.findNextToUnuse(type, 0); slot !== 0; slot = off.findNextToUnuse(type, slot)) {
      counts.swapcacheFree(swpEntry(type, slot));
    }
    return 0;
  }

  vmEnoughMemory(): boolean {
    return true;
  }
}
