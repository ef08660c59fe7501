/**
 * The scenario `fork-storm`: families of processes fork deep and wide, and all of them share pages that are in swap.
 *
 * A slot has a user for each process whose page is there. A byte of the swap map counts up to 62 of them (`SWAP_MAP_MAX`); a family is larger, so that
 * counts go on in pages of their own (`add_swap_count_continuation`). Then the family writes, so that pages come apart again, and ends.
 */
import { PAGE_BYTES } from '../pages/generate.js';
import { processesOfSwapper } from '../workload/plan.js';
import { count, plural, type Scenario, type ScenarioExpectation, type ScenarioSight } from './scenario.js';
import { bytesOfPages } from './sizes.js';

/** Virtual pages of each process. All of a family may need a slot for each, and there are two for each page of `mapped`. */
const PAGES_OF_PROCESS = 32;
/** Pages of each family that may stay resident, whoever maps them: fewer than one process has, so that they go out while they are shared. */
const RESIDENT_PAGES = 16;
const SWAPPERS = 4;
/** What a byte of the map counts. */
const USERS_IN_BYTE = 62;
/** Steps of a swapper in which a family grows to its full size, writes for a while, and ends again. */
const STEPS_OF_FAMILY = 250;

/** Everybody forks. */
export const forkStorm: Scenario<'fork-storm'> = {
  name: 'fork-storm',
  description:
    'families of 72 processes that share what is in swap: slots with more users than a byte can count',
  meaning:
    'Each fork adds a user to each slot of its parent. What goes on behind the 62 that a byte of the map counts lies in pages of its own.',
  assumes: (asked) => ({
    workload: 'fork-storm',
    mapped: bytesOfPages((processesOfSwapper('fork-storm') * PAGES_OF_PROCESS) / 2),
    limit: bytesOfPages(RESIDENT_PAGES * (asked.swappers ?? SWAPPERS)),
  }),
  expects,
  explain: ({ facts, vm, options }) => {
    const { mostUsers = 0, continuedSlots = 0 } = facts;
    const failed =
      vm.forkFailures === 0 ? 'none failed' : `${plural(vm.forkFailures, 'fork')} failed for want of memory`;
    const pages = (2 * options.mapped) / PAGE_BYTES / processesOfSwapper('fork-storm');
    return [
      `${plural(vm.forks, 'fork')} of processes with ${plural(Math.floor(pages), 'page')} each, ${failed}. ` +
        `A slot had up to ${plural(mostUsers, 'user')}; ` +
        (continuedSlots === 0
          ? `none had more than the ${count(USERS_IN_BYTE)} that a byte of the map counts.`
          : `at one checkpoint ${plural(continuedSlots, 'slot')} had more than the ${count(USERS_IN_BYTE)} that a byte of the map counts.`),
    ];
  },
};

function expects({
  ownShape,
  faultsInjected,
  ops,
  options,
  vm,
  facts,
}: ScenarioSight): ScenarioExpectation[] {
  if (!ownShape || faultsInjected) return [];
  const { mostUsers = 0 } = facts;
  const said = [{ sentence: `no process is killed: ${count(vm.kills)} were`, holds: vm.kills === 0 }];
  if (ops / options.swappers >= STEPS_OF_FAMILY)
    said.push({
      sentence: `slots have more than ${count(USERS_IN_BYTE)} users: up to ${count(mostUsers)}`,
      holds: mostUsers > USERS_IN_BYTE,
    });
  return said;
}
