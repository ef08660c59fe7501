/**
 * What a run expects of each free-slot policy. Plain facts, for the checks of a run and for its report.
 */
import type { FreeSlotPolicy } from '@swaplab/kernel-mm';

/** What holds under a policy. */
export interface PolicyFacts {
  /** Whether the driver has a callback of its own for freed slots, and counts its calls. */
  readonly hooked: boolean;
  /** Whether nothing may be stored for a free slot, at any moment when all stand still, except for frees that were missed. */
  readonly exact: boolean;
  /** What it does, in words that somebody understands who has never heard of swap slots. */
  readonly meaning: string;
}

/** The facts about each policy. */
export const POLICY_FACTS: Readonly<Record<FreeSlotPolicy, PolicyFacts>> = {
  none: {
    hooked: false,
    exact: false,
    meaning: 'nobody tells the device that a slot was freed (Linux 2.6.34 as released)',
  },
  discard: {
    hooked: false,
    exact: false,
    meaning: 'the swap core discards a free run of 256 slots when it is about to use it again (2.6.34, -d)',
  },
  'discard-cluster': {
    hooked: false,
    exact: false,
    meaning: 'a worker discards 256 aligned slots when the last of them is freed (later kernels)',
  },
  'discard-slot': {
    hooked: false,
    exact: true,
    meaning: 'the swap core sends the device a discard request for every freed slot (called too slow)',
  },
  notify: {
    hooked: true,
    exact: true,
    meaning: 'the swap core calls the device the moment a slot is freed (the patch series)',
  },
  chain: {
    hooked: true,
    exact: true,
    meaning: 'the swap core calls a list of listeners for each freed slot (the draft of September 2009)',
  },
  'bdev-op': {
    hooked: true,
    exact: true,
    meaning: 'freeing a slot is an operation of the block device (Linux 2.6.35 as released)',
  },
  'address-space': {
    hooked: true,
    exact: true,
    meaning: 'the device reads, writes and drops whole pages, without block requests (the idea of 2010)',
  },
};
