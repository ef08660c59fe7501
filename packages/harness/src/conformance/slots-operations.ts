/**
 * The operations of recorded slot traces, by their kernel names.
 *
 * An operation is read once, with all its arguments checked, and can then be done any number of times.
 */
import {
  EEXIST,
  ENOENT,
  MAX_SWAPFILES_LIMIT,
  SWP_OFFSET_MASK,
  swpEntry,
  swpOffset,
  swpType,
  type HeaderlessArea,
  type SwapEntry,
} from '@swaplab/kernel-mm';
import type { SlotPageState } from './slot-cache.js';
import type { SlotsMachine } from './slots-machine.js';

/** What an operation answers, in the form of the recordings. */
export type SlotResult = number | readonly number[] | null;

/** An operation with its arguments. */
export type SlotOperation = () => SlotResult;

/** Reads the arguments of an operation; null for what it does not take. */
type Reader = (machine: SlotsMachine, args: readonly unknown[], pageCluster: number) => SlotOperation | null;

/** Largest number of an unsigned 32-bit argument. */
const U32_MAX = 2 ** 32 - 1;

/** Operations on one entry that answer nothing. */
function onEntry(act: (machine: SlotsMachine, entry: SwapEntry) => SlotResult): Reader {
  return (machine, args) => {
    const entry = args.length === 2 ? entryOf(args) : null;
    return entry === null ? null : () => act(machine, entry);
  };
}

/** Operations on a type, and a number besides. */
function onType(
  arity: number,
  act: (machine: SlotsMachine, type: number, second: number) => SlotResult,
): Reader {
  return (machine, args) => {
    const [type, second = 0] = args.map(numberOf);
    if (args.length !== arity || !isIndex(type, U32_MAX) || !isIndex(second, U32_MAX)) return null;
    return () => act(machine, type, second);
  };
}

/** Operations without arguments. */
function alone(act: (machine: SlotsMachine) => SlotResult): Reader {
  return (machine, args) => (args.length === 0 ? () => act(machine) : null);
}

/** Operations on a page of the swap cache and its bits. */
function onPage(act: (machine: SlotsMachine, entry: SwapEntry, state: SlotPageState) => SlotResult): Reader {
  return (machine, args) => {
    const entry = entryOf(args);
    const [locked, writeback, mapped] = args.slice(2).map(numberOf);
    if (args.length !== 5 || entry === null) return null;
    if (!isIndex(locked, 1) || !isIndex(writeback, 1) || !isIndex(mapped, 1)) return null;
    const state = { locked: locked === 1, writeback: writeback === 1, mapped: mapped === 1 };
    return () => act(machine, entry, state);
  };
}

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['swapon', readSwapon],
  [
    'swapoff',
    onType(2, (machine, type, refuse) => {
      machine.refuseSwapoff = refuse !== 0;
      return machine.swap.off.swapoffType(type);
    }),
  ],
  ['get_swap_page', alone(({ swap }) => slotOf(swap.allocator.getSwapPage()))],
  ['get_swap_page_of_type', onType(1, ({ swap }, type) => slotOf(swap.allocator.getSwapPageOfType(type)))],
  [
    'swap_free',
    onEntry(({ swap }, entry) => {
      swap.counts.swapFree(entry);
      return null;
    }),
  ],
  [
    'swapcache_free',
    onEntry(({ swap }, entry) => {
      swap.counts.swapcacheFree(entry);
      return null;
    }),
  ],
  ['__swap_duplicate', onEntry(({ swap }, entry) => swap.counts.__swapDuplicate(entry, 1))],
  ['swap_duplicate', onEntry(({ swap }, entry) => swap.counts.swapDuplicate(entry))],
  ['swapcache_prepare', onEntry(({ swap }, entry) => swap.counts.swapcachePrepare(entry))],
  [
    'swap_shmem_alloc',
    onEntry(({ swap }, entry) => {
      swap.counts.swapShmemAlloc(entry);
      return null;
    }),
  ],
  ['add_swap_count_continuation', onEntry((machine, entry) => machine.addContinuation(entry))],
  ['fail_pages', readFailPages],
  ['free_swap_and_cache', onEntry(({ swap }, entry) => swap.pages.freeSwapAndCache(entry))],
  ['cache_page_add', onPage(({ cache }, entry, state) => (cache.add(entry, state) ? 0 : -EEXIST))],
  ['cache_page_set', onPage(({ cache }, entry, state) => (cache.set(entry, state) ? 0 : -ENOENT))],
  [
    'delete_from_swap_cache',
    onEntry(({ cache }, entry) => {
      const page = cache.find(entry);
      if (page === 0) return -ENOENT;
      cache.deleteFromSwapCache(page);
      cache.putPage(page);
      return 0;
    }),
  ],
  [
    'try_to_free_swap',
    onEntry(({ cache, swap }, entry) => {
      const page = cache.find(entry);
      if (page === 0) return -ENOENT;
      const freed = swap.pages.tryToFreeSwap(page);
      cache.putPage(page);
      return freed;
    }),
  ],
  ['valid_swaphandles', readReadahead],
  ['count_swap_pages', onType(2, ({ swap }, type, free) => swap.report.countSwapPages(type, free !== 0))],
  [
    'si_swapinfo',
    alone(({ swap }) => {
      const { freePages, totalPages } = swap.report.siSwapinfo();
      return [freePages, totalPages];
    }),
  ],
  ['map_swap_entry', readMapEntry],
  ['find_next_to_unuse', readFindNextToUnuse],
]);

/** Names of the operations there are. */
export const SLOT_OPERATION_NAMES: readonly string[] = [...READERS.keys()];

/**
 * Reads an operation.
 * @param machine - what it is done on
 * @param name - as the recording has it
 * @param args - as the recording has them
 * @param pageCluster - log2 of the size of a readahead window in slots
 * @returns the operation; null when there is none of this name, or it does not take such arguments
 */
export function readSlotOperation(
  machine: SlotsMachine,
  name: string,
  args: readonly unknown[],
  pageCluster: number,
): SlotOperation | null {
  return READERS.get(name)?.(machine, args, pageCluster) ?? null;
}

/**
 * Reads the argument of a `swapon`.
 * @param value - as the recording has it
 * @returns the area, or null when it describes none
 */
export function headerlessAreaOf(value: unknown): HeaderlessArea | null {
  if (typeof value !== 'object' || value === null) return null;
  const { last_page, prio, nonrot, discard, random32, badpages, extents } = value as Record<string, unknown>;
  if (!isIndex(last_page, U32_MAX) || last_page === 0 || !isIndex(random32, U32_MAX)) return null;
  if (prio !== null && !isIndex(prio, 0x7fff)) return null;
  if (typeof nonrot !== 'boolean' || typeof discard !== 'boolean') return null;
  if (!Array.isArray(badpages) || !badpages.every((page) => isIndex(page, U32_MAX))) return null;
  const area = { lastPage: last_page, prio, nonrot, discard, random32, badpages };
  if (extents === null) return area;
  if (!Array.isArray(extents) || !extents.every(isExtent)) return null;
  return { ...area, extents };
}

function readSwapon(machine: SlotsMachine, args: readonly unknown[]): SlotOperation | null {
  const area = args.length === 1 ? headerlessAreaOf(args[0]) : null;
  if (area === null) return null;
  return () => {
    const type = machine.swap.on.swaponWithoutHeader(area);
    if (type >= 0) machine.listen(type);
    return type;
  };
}

function readFailPages(machine: SlotsMachine, args: readonly unknown[]): SlotOperation | null {
  const [requests] = args;
  if (args.length !== 1 || !isIndex(requests, 0x7fff_ffff)) return null;
  return () => {
    machine.failPages(requests);
    return null;
  };
}

function readMapEntry(machine: SlotsMachine, args: readonly unknown[]): SlotOperation | null {
  const entry = args.length === 2 && isKnown(machine, args[0]) ? entryOf(args) : null;
  return entry === null ? null : () => machine.swap.extents.mapSwapEntry(entry);
}

function readFindNextToUnuse(machine: SlotsMachine, args: readonly unknown[]): SlotOperation | null {
  const [type, previous] = args;
  if (args.length !== 2 || !isKnown(machine, type) || !isIndex(previous, SWP_OFFSET_MASK)) return null;
  return () => machine.swap.off.findNextToUnuse(type, previous);
}

function readReadahead(
  machine: SlotsMachine,
  args: readonly unknown[],
  pageCluster: number,
): SlotOperation | null {
  const entry = args.length === 2 && isKnown(machine, args[0]) ? entryOf(args) : null;
  if (entry === null) return null;
  return () => {
    const { count, first } = machine.swap.report.validSwaphandles(entry, pageCluster);
    return [count, first];
  };
}

/** Entry of the first two arguments; a slot too high for an entry is beyond every area, and so is the highest. */
function entryOf(args: readonly unknown[]): SwapEntry | null {
  const [type, offset] = args;
  if (!isIndex(type, MAX_SWAPFILES_LIMIT - 1) || !isIndex(offset, Number.MAX_SAFE_INTEGER)) return null;
  return swpEntry(type, Math.min(offset, SWP_OFFSET_MASK));
}

function slotOf(entry: SwapEntry): SlotResult {
  return entry === 0 ? null : [swpType(entry), swpOffset(entry)];
}

/** Flags are written as numbers or as true and false. */
function numberOf(value: unknown): unknown {
  return typeof value === 'boolean' ? Number(value) : value;
}

/** Whether a type was ever given out: some functions rely on it. */
function isKnown(machine: SlotsMachine, type: unknown): type is number {
  return isIndex(type, machine.swap.table.nrSwapfiles() - 1);
}

function isIndex(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most;
}

function isExtent(value: unknown): value is [number, number, number] {
  return Array.isArray(value) && value.length === 3 && value.every((number) => isIndex(number, U32_MAX));
}
