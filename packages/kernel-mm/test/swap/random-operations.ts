/**
 * Random operations for a {@link SwapPair}.
 *
 * An operation is a name and two numbers, which are taken for whatever the operation needs at that moment: so any sequence of them makes
 * sense, and a part of one does too.
 */
import { ENOENT } from '#src/errno.js';
import { GFP_KERNEL } from '#src/page/page.js';
import { CLUSTER, type ModelAreaShape } from './pure-area.js';
import { keyOf, NON_SWAP_TYPE, numberOf, type SwapPair } from './swap-pair.js';

/** What an operation needs numbers for. */
type Act = (pair: SwapPair, a: number, b: number) => void;

/** Names of the operations. */
export type OperationName = keyof typeof OPERATIONS;

/** The operations. */
const OPERATIONS = {
  get: (pair) => pair.allocate(-1),
  getOfType: (pair, a) => pair.allocate(a % (pair.model.areas.length + 1)),
  /** A page is swapped out: one process refers to it, and it leaves the swap cache. */
  swapOut: (pair) => {
    const entry = pair.allocate(-1);
    if (entry === null) return;
    pair.duplicate(entry);
    pair.uncache(entry);
  },
  duplicate: (pair, a) => {
    const entry = pair.pick(a);
    if (entry !== null) pair.duplicate(entry);
  },
  duplicateOnce: (pair, a) => {
    const entry = pair.pick(a);
    if (entry === null) return;
    pair.same(
      '__swap_duplicate',
      (model) => model.duplicate(...entry),
      (swap) => swap.counts.__swapDuplicate(numberOf(entry), 1),
    );
  },
  /** More users than a map byte can count. */
  share: (pair, a, b) => pair.duplicateMany(pair.pick(a), b % 100),
  /** More users than two digits can count. */
  shareWidely: (pair, a) => pair.duplicateMany(pair.pick(a), 8100),
  drop: (pair, a) => {
    const entry = pair.pick(a);
    if (entry !== null) pair.dropUser(entry);
  },
  dropMany: (pair, a, b) => {
    const entry = pair.pick(a);
    if (entry === null) return;
    for (let user = b % 100; user > 0 && pair.hasUser(entry); user--) pair.dropUser(entry);
  },
  uncache: (pair, a) => {
    const entry = pair.pick(a);
    if (entry !== null && !pair.model.cache.has(keyOf(entry))) pair.uncache(entry);
  },
  /** Nobody needs a slot any more, whoever holds it. */
  release: (pair, a) => {
    const entry = pair.pick(a);
    if (entry !== null) pair.release(entry);
  },
  prepare: (pair, a) => {
    const entry = pair.pick(a) ?? pair.anySlot(a, 0);
    pair.same(
      'swapcache_prepare',
      (model) => model.prepare(...entry),
      (swap) => swap.counts.swapcachePrepare(numberOf(entry)),
    );
  },
  shmem: (pair, a) => {
    const entry = pair.pick(a);
    if (entry === null || !pair.isCacheOnly(entry)) return;
    pair.quiet(
      'swap_shmem_alloc',
      (model) => model.shmemAlloc(...entry),
      (swap) => swap.counts.swapShmemAlloc(numberOf(entry)),
    );
  },
  addPage: (pair, a, b) => {
    const entry = pair.pick(a);
    if (entry === null || !pair.isCached(entry) || pair.model.cache.has(keyOf(entry))) return;
    const state = stateOf(b);
    pair.real.cache.add(numberOf(entry), state);
    pair.model.addPage(...entry, state);
  },
  setPage: (pair, a, b) => {
    const entry = pair.pickPage(a);
    if (entry === null) return;
    const state = stateOf(b);
    Object.assign(pair.real.cache.of(pair.real.cache.find(numberOf(entry))), state);
    Object.assign(pair.model.cache.get(keyOf(entry))!, state);
  },
  deletePage: (pair, a) => {
    const entry = pair.pickPage(a);
    if (entry !== null) pair.deletePage(entry);
  },
  tryToFree: (pair, a) => {
    const entry = pair.pickPage(a) ?? pair.anySlot(a, 0);
    pair.same(
      'try_to_free_swap',
      (model) => model.tryToFreeSwap(...entry),
      (swap, { cache }) => {
        const page = cache.lookup(numberOf(entry));
        if (page === 0) return -ENOENT;
        const freed = swap.pages.tryToFreeSwap(page);
        cache.putPage(page);
        return freed;
      },
    );
  },
  freeAndCache: (pair, a) => {
    const entry = pair.pick(a);
    if (entry === null || !pair.hasUser(entry)) return;
    pair.same(
      'free_swap_and_cache',
      (model) => model.freeSwapAndCache(...entry),
      (swap) => swap.pages.freeSwapAndCache(numberOf(entry)),
    );
  },
  readahead: (pair, a, b) => {
    const entry = pair.anySlot(a, b);
    if (!pair.isOn(entry[0])) return;
    const window = pair.real.swap.report.validSwaphandles(numberOf(entry), 3);
    pair.equal('valid_swaphandles', pair.model.readahead(...entry).join(), `${window.count},${window.first}`);
  },
  ask: (pair, a, b) => {
    const { report } = pair.real.swap;
    const type = a % (pair.model.areas.length + 1);
    const free = (b & 1) === 1;
    pair.equal('count_swap_pages', pair.model.countPages(type, free), report.countSwapPages(type, free));
    const { freePages, totalPages } = report.siSwapinfo();
    pair.equal('si_swapinfo', `${pair.model.free},${pair.model.total}`, `${freePages},${totalPages}`);
    if (!pair.isOn(type)) return;
    const previous = b % pair.model.areaOf(type).max;
    pair.equal(
      'find_next_to_unuse',
      pair.model.findNextToUnuse(type, previous),
      pair.real.swap.off.findNextToUnuse(type, previous),
    );
  },
  failPages: (pair, a) => {
    pair.model.failingPages = a % 4;
    pair.real.frames.failNextRequests(a % 4);
  },
  addContinuation: (pair, a) => {
    const entry = pair.pick(a) ?? pair.anySlot(a, 0);
    pair.same(
      'add_swap_count_continuation',
      (model) => model.addContinuation(...entry),
      (swap) => swap.counts.addSwapCountContinuation(numberOf(entry), GFP_KERNEL),
    );
  },
  swapon: (pair, a, b) => pair.swapon(shapeOf(a, b)),
  swapoff: (pair, a, b) => pair.swapoff(a % (pair.model.areas.length + 1), (b & 1) === 1),
  /** All slots of an area are given back first. */
  evacuate: (pair, a) => {
    const { list } = pair.model;
    if (list.length < 2) return;
    const type = list[a % list.length]!;
    pair.releaseAll(type);
    pair.swapoff(type, false);
  },
  /** Entries that name no slot in use. */
  mistake: (pair, a, b) => {
    const entry = pair.wrongEntry(a, b);
    const [type] = entry;
    const kind = b % 6;
    if (kind === 0)
      pair.quiet(
        'swap_free',
        (model) => model.swapFree(...entry),
        (swap) => swap.counts.swapFree(numberOf(entry)),
      );
    // The cache drops no reference that it does not have, not even to a bad slot.
    if (kind === 1 && entry[1] !== 0)
      pair.quiet(
        'swapcache_free',
        (model) => model.swapcacheFree(...entry),
        (swap) => swap.counts.swapcacheFree(numberOf(entry)),
      );
    if (kind === 2)
      pair.same(
        'free_swap_and_cache',
        (model) => model.freeSwapAndCache(...entry),
        (swap) => swap.pages.freeSwapAndCache(numberOf(entry)),
      );
    if (kind === 3)
      pair.same(
        '__swap_duplicate',
        (model) => model.duplicate(...entry),
        (swap) => swap.counts.__swapDuplicate(numberOf(entry), 1),
      );
    if (kind === 4) pair.duplicate(entry);
    if (kind === 5 && type < NON_SWAP_TYPE)
      pair.same(
        'add_swap_count_continuation',
        (model) => model.addContinuation(...entry),
        (swap) => swap.counts.addSwapCountContinuation(numberOf(entry), GFP_KERNEL),
      );
  },
} satisfies Record<string, Act>;

/**
 * Does one operation on both sides.
 * @param pair - the two sides
 * @param name - which
 * @param a - any integer of 0 or more
 * @param b - the same
 */
export function perform(pair: SwapPair, name: OperationName, a: number, b: number): void {
  OPERATIONS[name](pair, a, b);
}

/** Names of the operations, each as often as it shall come in a mixture. */
export const MIXTURE: readonly OperationName[] = weighted({
  get: 10,
  getOfType: 3,
  swapOut: 12,
  duplicate: 7,
  duplicateOnce: 4,
  share: 1,
  drop: 8,
  dropMany: 1,
  uncache: 5,
  release: 8,
  prepare: 4,
  shmem: 2,
  addPage: 8,
  setPage: 4,
  deletePage: 4,
  tryToFree: 3,
  freeAndCache: 5,
  readahead: 2,
  ask: 2,
  failPages: 1,
  addContinuation: 2,
  swapon: 1,
  swapoff: 1,
  evacuate: 1,
  mistake: 3,
});

/** More is taken than given back. */
export const FILLING: readonly OperationName[] = weighted({
  get: 10,
  swapOut: 20,
  getOfType: 3,
  addPage: 8,
  setPage: 2,
  duplicate: 4,
  drop: 2,
  tryToFree: 2,
  release: 4,
  ask: 1,
});

/** More is given back than taken. */
export const DRAINING: readonly OperationName[] = weighted({
  release: 20,
  swapOut: 4,
  get: 3,
  freeAndCache: 6,
  drop: 6,
  dropMany: 2,
  deletePage: 4,
  uncache: 3,
  tryToFree: 2,
});

/** An area: mostly small, sometimes one that has clusters, seldom one with two pages of map. */
function shapeOf(a: number, b: number): ModelAreaShape {
  const kind = b % 16;
  const most = kind < 8 ? 40 : kind < 11 ? 300 : kind < 14 ? 1500 : 6000;
  // Some have just the room for a cluster, or just not.
  const lastPage = kind === 15 ? CLUSTER - 6 + (a % 12) : 1 + (a % most);
  const badpages = new Set<number>();
  for (let bad = (b >> 4) % 4; bad > 0 && lastPage > 8; bad--) badpages.add(1 + ((a >>> bad) % lastPage));
  const prio = (b >> 6) % 5;
  return {
    lastPage,
    prio: prio === 4 ? null : prio,
    nonrot: (b & 0x200) !== 0,
    discard: (b & 0x400) !== 0,
    random32: a,
    badpages: [...badpages],
  };
}

function stateOf(b: number): { locked: boolean; writeback: boolean; mapped: boolean } {
  return { locked: b % 7 === 0, writeback: b % 5 === 0, mapped: (b & 16) !== 0 };
}

function weighted(weights: Readonly<Partial<Record<OperationName, number>>>): OperationName[] {
  return Object.entries(weights).flatMap(([name, weight]) =>
    Array.from({ length: weight }, () => name as OperationName),
  );
}
