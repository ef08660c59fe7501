/**
 * The scenario `incompressible`: data that no codec makes smaller.
 *
 * A page whose compressed form takes more than three quarters of a page is stored as it is, in a page frame of its own (`max_zpage_size` of the driver).
 * Then swapping to RAM saves nothing: each page that goes out takes the frame that it has just left. A device with a disk behind it (`backing_swap`) sends
 * such pages on to that disk instead; here the first one has one.
 */
import { PAGE_BYTES } from '../pages/generate.js';
import { count, plural, share, type Scenario, type ScenarioSample } from './scenario.js';
import { bytesOfPages, sizesOf } from './sizes.js';

/** Random bytes only: no page of zeros, none of one word, nothing that repeats. */
const PAGES = 'synthetic:ratio=1,zero=0,same=0';
const OPS_PER_PAGE = 15;
/** Name of the disk behind the first device. */
const BACKING = 'ram0';

/** Nothing is saved. */
export const incompressible: Scenario<'incompressible'> = {
  name: 'incompressible',
  description: 'random data, which no codec makes smaller: every page is stored as it is',
  meaning:
    'A compressed-RAM disk full of such pages takes a page frame for each, and its tables besides: memory is moved, none is won. The first disk has a backing disk, and sends them there.',
  assumes: (asked) => {
    const { mappedBytes, limit } = sizesOf(asked, OPS_PER_PAGE);
    return { pages: PAGES, mapped: mappedBytes, limit: bytesOfPages(limit) };
  },
  backing: ({ disksize }) => ({ name: BACKING, bytes: disksize }),
  expects: ({ ownShape, samples }) => {
    const fullest = fullestOf(samples);
    if (!ownShape || fullest === null) return [];
    return [
      {
        sentence: `every stored page takes a frame: ${count(fullest.poolPages)} for ${count(fullest.stored)}`,
        holds: fullest.poolPages >= fullest.stored,
      },
    ];
  },
  explain: ({ samples, options, facts }) => {
    const { forwarded = 0 } = facts;
    const sentOn = `${plural(forwarded, 'page')} ${forwarded === 1 ? 'was' : 'were'} not kept in memory but sent on to the disk behind /dev/ramzswap0.`;
    const fullest = fullestOf(samples);
    if (fullest === null) return [`no device kept anything in memory; ${sentOn}`];
    const { stored, stale, poolPages, comprBytes } = fullest;
    const frames = options.ram / PAGE_BYTES;
    return [
      `the devices stored up to ${plural(stored, 'page')} in ${plural(poolPages, 'page frame')}, ${count(comprBytes / stored)} bytes for each of ` +
        `${count(PAGE_BYTES)}: swapping to RAM won nothing, and took ${share(poolPages, frames)} of the RAM. ` +
        (stale === 0
          ? 'All of it was needed.'
          : `For ${plural(stale, 'page')} of them that was for nobody: their slots were free.`),
      ...(forwarded === 0 ? [] : [sentOn]),
    ];
  },
};

/** The exact sample with the most stored; null when nothing was. */
function fullestOf(samples: readonly ScenarioSample[]): ScenarioSample | null {
  let fullest: ScenarioSample | null = null;
  for (const sample of samples)
    if (sample.quiescent && sample.stored > (fullest?.stored ?? 0)) fullest = sample;
  return fullest;
}
