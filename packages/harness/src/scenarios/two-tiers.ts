/**
 * The scenario `two-tiers`: a small fast swap device before a large slow one.
 *
 * Slots are taken from the device with the highest priority as long as it has any. So what goes out first fills the fast device, which is what
 * was not used for longest; it is not used later either, and stays there. What is in use goes to the slow device again and again.
 */
import { PAGE_BYTES } from '../pages/generate.js';
import { count, plural, share, type Scenario, type ScenarioSight } from './scenario.js';
import { bytesOfPages, sizesOf } from './sizes.js';

/** Name of the slow device. */
const SLOW = 'ram0';
const FAST_PRIORITY = 10;
const SLOW_PRIORITY = 1;
/** The part of what is mapped that the fast device has slots for: 1 in so many. */
const FAST_PART = 3;
/** The part that may stay resident: less than a process works with, so that this goes out and comes in all the time. */
const LIMIT_PART = 6;
const OPS_PER_PAGE = 15;
/** Fewest pages of a swap area. */
const AREA_PAGES_MIN = 10;

/** A fast device and a slow one. */
export const twoTiers: Scenario<'two-tiers'> = {
  name: 'two-tiers',
  description: 'a small compressed-RAM device before a large slow one: who gets the fast one',
  meaning:
    'Slots are taken from the fast device first, so that it fills with what is not used: cold data stays in the fast tier, and what is in use goes to the slow one.',
  assumes: (asked) => {
    const { disks, mappedBytes, mapped, limit } = sizesOf(asked, OPS_PER_PAGE, LIMIT_PART);
    return {
      workload: 'hot-cold',
      mapped: mappedBytes,
      limit: bytesOfPages(limit),
      disksize: bytesOfPages(Math.max(AREA_PAGES_MIN, mapped / FAST_PART / disks + 1)),
    };
  },
  diskPriority: FAST_PRIORITY,
  extraDisks: ({ mapped, swappers }) => [
    { name: SLOW, bytes: 2 * mapped * swappers + PAGE_BYTES, priority: SLOW_PRIORITY },
  ],
  mayRunFull: true,
  explain,
};

function explain(sight: ScenarioSight): string[] {
  const { options, facts, areas, vm, samples } = sight;
  const slots = (options.disksize / PAGE_BYTES - 1) * options.disks;
  const { fastLive = 0, fastCold = 0, slowLive = 0, slowCold = 0 } = facts;
  // Those taken on the run are not of one moment.
  const stalest = samples.filter(({ quiescent }) => quiescent).sort((a, b) => b.stale - a.stale)[0];
  const readsSlow = areas
    .filter(({ type }) => type === 'ram')
    .reduce((sum, { bytesIn = 0 }) => sum + bytesIn / PAGE_BYTES, 0);
  const said: string[] = [];
  if (fastLive + slowLive > 0)
    said.push(
      `when the work was done, ${count(fastCold)} of the ${plural(slots, 'slot')} of the fast tier (${share(fastCold, slots)}) held cold pages, ` +
        `which nobody had touched since they were first written. ` +
        `Of the ${plural(slowLive, 'page')} that were out in the slow tier ${count(slowLive - slowCold)} (${share(slowLive - slowCold, slowLive)}) were in use.`,
    );
  said.push(
    stalest === undefined || stalest.stale === 0
      ? 'no slot of the fast tier was ever seen stale.'
      : `up to ${plural(stalest.stale, 'slot')} of the fast tier (${share(stalest.stale, slots)}) were stale, in the phase "${stalest.phase}".`,
    `of ${plural(vm.swapIns, 'page')} that came in, ${count(readsSlow)} (${share(readsSlow, vm.swapIns)}) came from the slow tier.`,
  );
  return said;
}
