/**
 * The scenario `swapoff-little-ram`: an area is to be switched off while what it holds fits neither into memory nor into the other areas.
 *
 * The slots of all areas together hold everything that is mapped; without this one they do not. So a swapoff in the middle of the work cannot
 * succeed: it is refused before it begins, when a count of what is free says so, or pages come home until no page frame can be had for the next one
 * or somebody else needs one, and then it gives up: the task that pulls in an area is the first to be stopped when memory runs out. The area must
 * be as usable afterwards as it was before. When the processes have given back most of their memory, a swapoff succeeds.
 *
 * Its thread is in `little-ram-area.ts`.
 */
import { PAGE_BYTES } from '../pages/generate.js';
import { count, plural, type Scenario, type ScenarioExpectation, type ScenarioSight } from './scenario.js';
import { bytesOfPages, sizesOf } from './sizes.js';

/** Slots of the areas that stay, and of the one that is to go, for each mapped page. */
const SLOTS_PER_PAGE = 0.55;
/** Page frames of the pools for each slot: half a frame was measured, and a margin. */
const POOL_PER_SLOT = 0.65;
/** Page frames for what is on its way, and for the watermarks. */
const RESERVE_PAGES = 256;
const RESERVE_PER_SWAPPER = 16;
/** Fewer than in other runs: where no slot is free, reclaim looks at every page before it gives up. */
const OPS = 24_000;
const OPS_PER_PAGE = 15;
/** Steps for each mapped page below which a run is over before a swapoff is tried with everything mapped. */
const OPS_PER_PAGE_MIN = 4;

/** A swapoff that cannot succeed. */
export const swapoffLittleRam: Scenario<'swapoff-little-ram'> = {
  name: 'swapoff-little-ram',
  description: 'an area is switched off over and over while memory cannot hold what is in it',
  meaning:
    'In the middle of the work swapoffs must fail, some before they begin and some half way, and the area must be as usable as before. Nothing may be lost, and no process may be killed for it.',
  // One disk and the spare one, which is as large: then both have the same number of slots.
  assumes: (asked) => {
    const { ops = OPS } = asked;
    const sizes = sizesOf({ ...asked, ops, disks: asked.disks ?? 1 }, OPS_PER_PAGE);
    const { swappers, mappedBytes, mapped, limit, disks } = sizes;
    const slots = Math.ceil((SLOTS_PER_PAGE * mapped) / disks);
    return {
      ops,
      disks,
      mapped: mappedBytes,
      limit: bytesOfPages(limit),
      disksize: bytesOfPages(slots + 1),
      ram: bytesOfPages(
        limit + POOL_PER_SLOT * slots * (disks + 1) + RESERVE_PAGES + RESERVE_PER_SWAPPER * swappers,
      ),
    };
  },
  spareDisks: 1,
  hasThread: true,
  mayRunFull: true,
  mayLackFrames: true,
  expects,
  explain: ({ swapoffErrors, facts, vm, options }) => {
    const { succeeded = 0, refused = 0, halfWay = 0, homeInVain = 0 } = facts;
    const failures = Object.entries(swapoffErrors).map(([code, times]) => `${count(times)} with ${code}`);
    const slots = options.disksize / PAGE_BYTES - 1;
    const pages = (options.mapped / PAGE_BYTES) * options.swappers;
    const failed =
      failures.length === 0
        ? 'and none failed'
        : `and there failed ${failures.join(', ')}: ${count(refused)} before anything had come home, ${count(halfWay)} when ` +
          `${plural(homeInVain, 'page')} had`;
    return [
      `an area of ${plural(slots, 'slot')}, of ${count(slots * (options.disks + 1))} for ${plural(pages, 'page')}, was to go while the threads ran. ${plural(succeeded, 'swapoff')} succeeded, ${failed}. ` +
        (vm.kills === 0
          ? 'No process was killed for it.'
          : `${plural(vm.kills, 'process was', 'processes were')} killed.`),
    ];
  },
};

function expects({
  ownShape,
  faultsInjected,
  ops,
  options,
  swapoffErrors,
  vm,
}: ScenarioSight): ScenarioExpectation[] {
  if (!ownShape || faultsInjected) return [];
  const failed = Object.values(swapoffErrors).reduce((sum, times) => sum + times, 0);
  const said = [{ sentence: `no process is killed: ${count(vm.kills)} were`, holds: vm.kills === 0 }];
  if (ops >= (OPS_PER_PAGE_MIN * options.mapped * options.swappers) / PAGE_BYTES)
    said.push({ sentence: `swapoffs fail for want of memory: ${count(failed)} did`, holds: failed > 0 });
  return said;
}
