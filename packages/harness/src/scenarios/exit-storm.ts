/**
 * The scenario `exit-storm`: all processes exit at the same moment, over and over, with much of their memory in swap.
 *
 * An exit gives back all slots of a process at once. At each checkpoint all swappers stand still, and what each of them does first when they are let
 * go is to end its eight processes: so all threads free slots at the same time, and with each slot they tell the device, under `swap_lock`.
 */
import { count, plural, type Scenario } from './scenario.js';
import { bytesOfPages, sizesOf } from './sizes.js';

/** The part of what is mapped that may stay resident: 1 in so many. */
const LIMIT_PART = 8;
/** Steps for each mapped page: so many that the processes are nearly full when they exit. */
const OPS_PER_PAGE = 24;

/** Everybody exits. */
export const exitStorm: Scenario<'exit-storm'> = {
  name: 'exit-storm',
  description: 'all processes exit at the same moment, with much in swap, over and over',
  meaning:
    'Exits free slots by the hundred. All swappers free at the same time, and where the device is told of each slot, it is told under one lock by all of them.',
  assumes: (asked) => {
    const { mappedBytes, limit } = sizesOf(asked, OPS_PER_PAGE, LIMIT_PART);
    return { workload: 'exit-storm', mapped: mappedBytes, limit: bytesOfPages(limit) };
  },
  expects: ({ ownShape, faultsInjected, vm, facts }) => {
    if (!ownShape) return [];
    const { slotsAtExit = 0 } = facts;
    const said = [
      {
        sentence: `processes exit with pages in swap: ${plural(slotsAtExit, 'page')}`,
        holds: slotsAtExit > 0,
      },
    ];
    if (!faultsInjected)
      said.push({ sentence: `no process is killed: ${count(vm.kills)} were`, holds: vm.kills === 0 });
    return said;
  },
  explain: ({ facts, areas, options }) => {
    const { storms = 0, exits = 0, slotsAtExit = 0 } = facts;
    if (exits === 0) return ['no process exited with anything mapped.'];
    const freed = areas.reduce((sum, area) => sum + area.freed, 0);
    return [
      `${plural(exits, 'process', 'processes')} exited in ${plural(storms, 'storm')}, ${plural(options.swappers, 'thread')} at a time, ` +
        `with ${plural(slotsAtExit, 'page')} in swap, ${(slotsAtExit / exits).toFixed(1)} each. ` +
        `${plural(freed, 'slot')} ${freed === 1 ? 'was' : 'were'} freed in the whole run.`,
    ];
  },
};
