/**
 * The kinds of faults that a schedule may have, by the names that people use.
 */
import { FAULT_ALLOCATION, FAULT_IO, FAULT_SPURIOUS_WAKE } from '@swaplab/kernel-mm';

/** Kinds by name: a page frame is not to be had, a transfer fails, a task is woken though nobody did it. */
export const FAULT_KINDS = {
  allocation: FAULT_ALLOCATION,
  io: FAULT_IO,
  wake: FAULT_SPURIOUS_WAKE,
} as const;

/** Name of a kind. */
export type FaultName = keyof typeof FAULT_KINDS;

/** All names. */
export const FAULT_NAMES = Object.keys(FAULT_KINDS) as readonly FaultName[];

/**
 * Kinds as bits `1 << kind`.
 * @param names - of the kinds
 */
export function faultMask(names: readonly FaultName[]): number {
  return names.reduce((mask, name) => mask | (1 << FAULT_KINDS[name]), 0);
}

/**
 * Kinds by name.
 * @param mask - as bits `1 << kind`
 */
export function faultNames(mask: number): FaultName[] {
  return FAULT_NAMES.filter((name) => ((mask >>> FAULT_KINDS[name]) & 1) !== 0);
}
