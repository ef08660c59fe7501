/**
 * What must hold when all threads of a scenario have ended: all invariants, and nothing left behind.
 *
 * Promise: the first thing that is wrong is told with all others of its kind. Whoever still lives then is ended here, so that an operation that is
 * left out, as an exit, is no leak.
 */
import {
  checkSwapInvariants,
  checkVmInvariants,
  SWAP_INFO,
  swpEntry,
  type MachineView,
  type SwapEntry,
} from '@swaplab/kernel-mm';
import { ramzswapOf, statDrift, walkTable, type RamzswapDevice, type TableWalk } from '@swaplab/ramzswap';

/** What a scenario expects at its end. */
export interface ExpectedEnd {
  /** Page frames that must be free when all processes have ended and no slot is in use; {@link freeFrames} of the set-up. */
  readonly frames: number;
  /** Whether somebody has written to the disks past the swap core: then pages may be stored in slots that are free. Not by default. */
  readonly writesPastSwap?: boolean;
}

/**
 * Free page frames now. For set-ups, before any process has a page. @quiescent
 * @param view - of the set-up
 */
export function freeFrames(view: MachineView): number {
  return view.kernel.frames.info().free;
}

/**
 * Looks at everything, then ends all processes, empties the swap cache, and looks for what was left behind. @quiescent
 * @param view - of a thread that has ended
 * @param expected - what a scenario expects
 */
export function checkEnd(view: MachineView, expected: ExpectedEnd): void {
  report(view, brokenNow(view));
  endProcesses(view);
  for (const device of ramzswapOf(view).devices) device.runDeferredFrees();
  report(view, leftBehind(view, expected));
}

/**
 * All that is broken in a machine that stands still, but with processes and pages. @quiescent
 * @param view - of a thread that has ended
 * @returns a sentence each
 */
export function brokenNow(view: MachineView): string[] {
  const { core, frames, reclaimList, swap, vm } = view.kernel;
  const broken = [...frames.checkInvariants(), ...reclaimList.checkInvariants()];
  swap.table.swapLock.lock();
  broken.push(...checkSwapInvariants(swap, true));
  swap.table.swapLock.unlock();
  broken.push(...checkVmInvariants(core.cells, vm, frames, swap));
  for (const device of ramzswapOf(view).devices) {
    const walk = walkOf(device);
    broken.push(...walk.problems, ...statDrift(device, walk));
  }
  return broken;
}

/** A pool without pages, as under the codec `none`, is not worth the way through its hundreds of lists. @quiescent */
function walkOf(device: RamzswapDevice): TableWalk {
  return walkTable(device, device.pool.totalPages() !== 0);
}

/** Ends who is still there, and drops what only the swap cache holds; then nothing is in use but what was forgotten. @quiescent */
function endProcesses(view: MachineView): void {
  const { vm, swap, core } = view.kernel;
  for (const mm of vm.spaces.list()) vm.zap.exit(mm);
  for (let type = 0; type < swap.table.nrSwapfiles(); type++) {
    const area = swap.table.infoOf(type);
    if (core.cells.ldu32(area + SWAP_INFO.inusePages) === 0) continue;
    const end = core.cells.ldu32(area + SWAP_INFO.max);
    for (let slot = 1; slot < end; slot++) dropFromCache(view, swpEntry(type, slot));
  }
}

/** What reclaim does with a page of the swap cache that nobody uses. @quiescent */
function dropFromCache(view: MachineView, entry: SwapEntry): void {
  const { vm, frames, swap } = view.kernel;
  if (vm.cache.peek(entry) === 0) return;
  const page = vm.cache.lookup(entry);
  frames.lockPage(page);
  swap.pages.tryToFreeSwap(page);
  frames.unlockPage(page);
  frames.putPage(page);
}

/** @quiescent */
function leftBehind(view: MachineView, expected: ExpectedEnd): string[] {
  const { frames, swap, vm, core } = view.kernel;
  const left: string[] = [];
  const cached = vm.cache.info().pages;
  if (cached !== 0) left.push(`${cached} page(s) stay in the swap cache although nobody uses them.`);
  for (let type = 0; type < swap.table.nrSwapfiles(); type++) {
    const inUse = core.cells.ldu32(swap.table.infoOf(type) + SWAP_INFO.inusePages);
    if (inUse !== 0) left.push(`${inUse} slot(s) of area ${type} are in use although nobody uses them.`);
  }
  if (left.length > 0) return left;
  let stored = 0;
  for (const device of ramzswapOf(view).devices) {
    const walk = walkOf(device);
    stored += walk.raw + walk.poolPages;
    if (walk.stored !== 0 && expected.writesPastSwap !== true)
      left.push(`ramzswap${device.index} stores ${walk.stored} page(s) although all slots are free.`);
  }
  const lost = expected.frames - frames.info().free - stored;
  if (lost !== 0) left.push(`${lost} page frame(s) are not given back.`);
  return left;
}

function report(view: MachineView, sentences: readonly string[]): void {
  if (sentences.length > 0) view.kernel.core.context.bug(sentences.join(' '));
}
