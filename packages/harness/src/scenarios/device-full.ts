/**
 * The scenario `device-full`: swap has just enough slots for what does not fit into memory, and hardly one for copies of pages that are in memory, too.
 *
 * Pages that came back keep their slots as long as they are clean, so now and then no slot is free although some would be. Then a page that was
 * to go out stays, and reclaim looks for another one. Nothing may be lost by that.
 */
import { PAGE_BYTES } from '../pages/generate.js';
import { count, plural, type Scenario } from './scenario.js';
import { bytesOfPages, hasWorkForAll, sizesOf } from './sizes.js';

/** The part of what is mapped that may stay resident: 1 in so many. */
const LIMIT_PART = 2;
/**
 * Slots beyond those that are needed when everything is mapped and memory is full: for pages on their way, and so that not every search is in vain. Fewer than
 * the 32 pages that one reclaim wants, or there is always a slot.
 */
const SPARE_SLOTS = 12;
const SPARE_SLOTS_PER_SWAPPER = 4;
const OPS_PER_PAGE = 15;

/** No slot is left. */
export const deviceFull: Scenario<'device-full'> = {
  name: 'device-full',
  description: 'swap runs full: there is no slot, and pages stay in memory',
  meaning:
    'There are fewer slots than pages. Where none is free, a page that was to go out stays, and nothing may be lost.',
  assumes: (asked) => {
    const { swappers, disks, mappedBytes, mapped, limit } = sizesOf(asked, OPS_PER_PAGE, LIMIT_PART);
    const slots = mapped - limit + SPARE_SLOTS + SPARE_SLOTS_PER_SWAPPER * swappers;
    return {
      mapped: mappedBytes,
      limit: bytesOfPages(limit),
      disksize: bytesOfPages(Math.ceil(slots / disks) + 1),
    };
  },
  mayRunFull: true,
  expects: ({ options, ownShape, faultsInjected, facts }) => {
    if (!ownShape || faultsInjected || !hasWorkForAll(options, OPS_PER_PAGE)) return [];
    const { noSlot = 0 } = facts;
    return [{ sentence: `swap runs full: ${plural(noSlot, 'time')} there was no slot`, holds: noSlot > 0 }];
  },
  explain: ({ options, vm, samples, facts }) => {
    const { noSlot = 0 } = facts;
    const slots = (options.disksize / PAGE_BYTES - 1) * options.disks;
    const pages = (options.mapped / PAGE_BYTES) * options.swappers;
    const most = samples.reduce((top, { live }) => Math.max(top, live), 0);
    const killed =
      vm.kills === 0
        ? 'no process was killed'
        : `${plural(vm.kills, 'process was', 'processes were')} killed`;
    return [
      `swap has ${plural(slots, 'slot')} for ${plural(pages, 'page')}; at most ${count(most)} were in use. ` +
        `${plural(noSlot, 'time')} a page that was to go out found none and stayed in memory; ${killed}.`,
    ];
  },
};
