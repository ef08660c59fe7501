/**
 * The scenario `memory-squeeze`: so little RAM that it matters what a device keeps for nobody.
 *
 * There are page frames for what may stay resident and for everything that is live on the devices, compressed, with a margin: told of freed slots,
 * all of it fits at any time. But there are so many slots that a freed one is not soon written again. Without being told, the devices keep the old
 * contents of all of them; their pools grow until no frame is left, nothing more can be swapped out, and processes are killed.
 */
import { POLICY_FACTS } from '../run/policies.js';
import { framesStory } from './frames-story.js';
import { bytesOfPages, hasWorkForAll, sizesOf } from './sizes.js';
import { count, type Scenario, type ScenarioExpectation, type ScenarioSight } from './scenario.js';

/** Slots for each page that can be mapped: more than a run uses up, so that hardly one comes up twice. */
const SLOTS_PER_PAGE = 10;
/**
 * Page frames of the pools for each mapped page: what a page takes when it is compressed, times what a pool wastes whose objects come and go in any
 * order, with a margin. Half a frame a page was measured.
 */
const POOL_PER_PAGE = 0.65;
/** Page frames for what is on its way, and for the watermarks; those of a small machine are a few dozen. */
const RESERVE_PAGES = 256;
const RESERVE_PER_SWAPPER = 16;
/** Fewer than in other runs: once nothing can be swapped out any more, each further step ends with a process killed, which takes long. */
const OPS = 40_000;
/** Steps for each mapped page: in so many, slots for some three times the mapped pages are used. */
const OPS_PER_PAGE = 10;

/** Stale data decides who lives. */
export const memorySqueeze: Scenario<'memory-squeeze'> = {
  name: 'memory-squeeze',
  description: 'so little RAM that stale data decides whether processes are killed',
  meaning:
    'There is RAM for what is resident and for what is live on the devices, but not for what they keep because nobody told them that it was freed.',
  assumes: (asked) => {
    const ops = asked.ops ?? OPS;
    const { swappers, disks, mappedBytes, mapped, limit } = sizesOf({ ...asked, ops }, OPS_PER_PAGE);
    return {
      ops,
      mapped: mappedBytes,
      limit: bytesOfPages(limit),
      disksize: bytesOfPages((SLOTS_PER_PAGE * mapped) / disks + 1),
      ram: bytesOfPages(
        limit + POOL_PER_PAGE * mapped + disks + RESERVE_PAGES + RESERVE_PER_SWAPPER * swappers,
      ),
    };
  },
  mayLackFrames: true,
  expects,
  explain: framesStory,
};

/** Where each free is told of at once, all must live; where none is, some must not: else the machine is too large to show anything. */
function expects({ options, policy, vm, ownShape, faultsInjected }: ScenarioSight): ScenarioExpectation[] {
  if (!ownShape || faultsInjected) return [];
  const found = `${count(vm.kills)} ${vm.kills === 1 ? 'was' : 'were'}`;
  if (POLICY_FACTS[policy].hooked)
    return [{ sentence: `no process is killed under ${policy}: ${found}`, holds: vm.kills === 0 }];
  if (policy === 'none' && hasWorkForAll(options, OPS_PER_PAGE))
    return [{ sentence: `processes are killed under ${policy}: ${found}`, holds: vm.kills > 0 }];
  return [];
}
