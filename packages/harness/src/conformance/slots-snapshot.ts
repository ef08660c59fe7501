/**
 * What a snapshot of a slot trace says, read off the machine.
 *
 * Promise: every field that a recording can have is here, and is computed only when it is asked for: the hash of a map costs time.
 */
import { createHash } from 'node:crypto';
import {
  COUNT_CONTINUED,
  PAGE_SIZE,
  SWAP_GLOBALS,
  SWAP_HAS_CACHE,
  SWAP_INFO,
  SWAP_MAP_SHMEM,
  SWP_CONTINUED,
} from '@swaplab/kernel-mm';
import type { SlotsMachine } from './slots-machine.js';

/** A field of the machine. */
type GlobalField = (machine: SlotsMachine) => unknown;

/** A field of an area. */
type AreaFieldOf = (machine: SlotsMachine, type: number) => unknown;

/** The fields of the machine, `snap`, `areas` and `end` excepted. */
export const SNAPSHOT_FIELDS: ReadonlyMap<string, GlobalField> = new Map<string, GlobalField>([
  ['nr_swapfiles', ({ swap }) => swap.table.nrSwapfiles()],
  ['nr_swap_pages', ({ swap }) => swap.table.nrSwapPages()],
  ['total_swap_pages', ({ swap }) => swap.table.totalSwapPages()],
  ['least_priority', ({ swap: { table } }) => table.cells.ld32(table.globals + SWAP_GLOBALS.leastPriority)],
  ['head', ({ swap }) => swap.table.listHead()],
  ['next', ({ swap }) => swap.table.listNext()],
  ['cont_pages_live', ({ swap }) => swap.continuations.livePages()],
]);

/** The fields of an area. */
export const AREA_FIELDS: ReadonlyMap<string, AreaFieldOf> = new Map<string, AreaFieldOf>([
  ['type', signed('type')],
  ['flags', unsigned('flags')],
  ['prio', signed('prio')],
  ['next', signed('next')],
  ['max', unsigned('max')],
  ['lowest_bit', unsigned('lowestBit')],
  ['highest_bit', unsigned('highestBit')],
  ['pages', unsigned('pages')],
  ['inuse_pages', unsigned('inusePages')],
  ['cluster_next', unsigned('clusterNext')],
  ['cluster_nr', unsigned('clusterNr')],
  ['lowest_alloc', unsigned('lowestAlloc')],
  ['highest_alloc', unsigned('highestAlloc')],
  ['map_sha256', (machine, type) => createHash('sha256').update(mapOf(machine, type)).digest('hex')],
  ['map', (machine, type) => Buffer.from(mapOf(machine, type)).toString('hex')],
  ['cont', continuationsOf],
  ['cont_pages', continuationPagesOf],
]);

/** Fields that a recording leaves out when there is nothing to tell, and what that means. */
export const AREA_FIELDS_LEFT_OUT: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['cont', (value: unknown) => Object.keys(value as object).length === 0],
  ['cont_pages', (value: unknown) => (value as number[]).every((pages) => pages === 0)],
]);

function signed(name: 'type' | 'prio' | 'next'): AreaFieldOf {
  return ({ swap: { table } }, type) => table.cells.ld32(table.infoOf(type) + SWAP_INFO[name]);
}

function unsigned(name: Exclude<keyof typeof SWAP_INFO, '$bytes' | '$name' | '$fields'>): AreaFieldOf {
  return ({ swap: { table } }, type) => table.cells.ldu32(table.infoOf(type) + SWAP_INFO[name]);
}

/** The map bytes, none for an area that is off. */
function mapOf(machine: SlotsMachine, type: number): Uint8Array {
  const map = machine.field(type, 'swapMap');
  return machine.swap.table.cells.arena.u8.subarray(map, map + machine.field(type, 'max'));
}

/** Slot to bytes of its higher digits, for each slot that has some. */
function continuationsOf(machine: SlotsMachine, type: number): Record<string, number[]> {
  const found: Record<string, number[]> = {};
  if ((machine.field(type, 'flags') & SWP_CONTINUED) === 0) return found;
  const { table, continuations } = machine.swap;
  const area = table.infoOf(type);
  const map = mapOf(machine, type);
  for (let offset = 0; offset < map.length; offset++) {
    const byte = map[offset] ?? 0;
    if ((byte & COUNT_CONTINUED) === 0 || (byte | SWAP_HAS_CACHE) === (SWAP_MAP_SHMEM | SWAP_HAS_CACHE))
      continue;
    found[offset] = continuations.chainOf(area, offset);
  }
  return found;
}

/** Pages of higher digits, for each piece of the map. */
function continuationPagesOf(machine: SlotsMachine, type: number): number[] {
  const pages: number[] = [];
  const max = machine.field(type, 'max');
  const { table, continuations } = machine.swap;
  for (let piece = 0; piece < max / PAGE_SIZE; piece++)
    pages.push(continuations.pagesOf(table.infoOf(type), piece));
  return pages;
}
