/**
 * Who has the page frames, and why processes are killed: the words for scenarios in which memory is short.
 */
import { PAGE_BYTES } from '../pages/generate.js';
import {
  count,
  plural,
  share,
  type KillMoment,
  type ScenarioSample,
  type ScenarioSight,
} from './scenario.js';

/** So few free frames, of all, can be a reserve only: 1 in so many. */
const RESERVE_PART = 10;

/**
 * Page frames of a pool that hold nothing but what nobody needs, if all slots take the same room in it.
 *
 * @param counts - at one moment
 * @returns page frames, rounded
 */
export function stalePages(counts: {
  readonly stored: number;
  readonly stale: number;
  readonly poolPages: number;
}): number {
  return counts.stored === 0 ? 0 : Math.round((counts.poolPages * counts.stale) / counts.stored);
}

/**
 * Tells what became of the page frames of a machine: at the first kill, or else when there were the fewest free ones.
 *
 * @param sight - of the run under one policy
 */
export function framesStory(sight: ScenarioSight): string[] {
  const frames = sight.options.ram / PAGE_BYTES;
  const { kills, scanned, reclaimed, swapOuts, allocstall = 0 } = sight.vm;
  const said = kills === 0 ? [survived(sight, frames)] : killed(sight, frames);
  if (scanned > 0)
    said.push(
      `reclaim looked at ${plural(scanned, 'page')} to free ${count(reclaimed)}` +
        (reclaimed === 0 ? '' : `, ${(scanned / reclaimed).toFixed(1)} for each`) +
        `; ${plural(swapOuts, 'page')} went out. ${plural(allocstall, 'time')} a task found no free frame.`,
    );
  return said;
}

function killed({ vm, firstKill, final }: ScenarioSight, frames: number): string[] {
  const many = `${plural(vm.kills, 'process was', 'processes were')} killed because no page frame could be had`;
  if (firstKill === null) return [`${many}.`];
  const stale = stalePages(firstKill);
  const said = [
    `${many}. Right after the first kill, ${firstKill.t.toFixed(2)} s after the start, the devices had ${count(firstKill.poolPages)} of ${count(frames)} frames, ` +
      `about ${count(stale)} of them (${share(stale, frames)} of the RAM) for stale slots: ${count(firstKill.stored)} slots were stored for ` +
      `${count(firstKill.live)} live ones. ${leftText(firstKill, frames)}`,
  ];
  if (vm.kills > 1 && final.stale === final.stored && final.poolPages >= firstKill.poolPages / 2)
    said.push(
      `to kill did not help: the slots of the dead became stale as well, and in the end the devices still had ` +
        `${plural(final.poolPages, 'frame')}, all of them for nobody.`,
    );
  return said;
}

/** Free frames that nobody could be given are those below the watermark, which only reclaim itself may take. */
function leftText({ residentPages, freeFrames }: KillMoment, frames: number): string {
  const left =
    residentPages === 0
      ? 'Nothing of any process was left in memory'
      : `Processes and swap cache had ${plural(residentPages, 'page')}`;
  const reserve = freeFrames > 0 && freeFrames < frames / RESERVE_PART ? ', kept for reclaim itself' : '';
  return `${left}; ${plural(freeFrames, 'frame was', 'frames were')} free${reserve}.`;
}

function survived({ samples, areas }: ScenarioSight, frames: number): string {
  const tightest = tightestOf(samples);
  const said = 'no process was killed';
  if (tightest?.freeFrames === undefined) return `${said}.`;
  const stale = stalePages(tightest);
  return (
    `${said}. When memory was shortest, ${tightest.t.toFixed(2)} s after the start, ${count(tightest.freeFrames)} of ${count(frames)} frames were free; ` +
    `the devices had ${count(tightest.poolPages)}, ${stale === 0 ? 'none of them' : `about ${count(stale)} of them`} for stale slots. ` +
    `${plural(givenOut(areas), 'slot')} ${givenOut(areas) === 1 ? 'was' : 'were'} given out in the whole run.`
  );
}

/** The moment with the fewest free page frames. */
function tightestOf(samples: readonly ScenarioSample[]): ScenarioSample | null {
  let tightest: ScenarioSample | null = null;
  for (const sample of samples) {
    if (sample.freeFrames === undefined) continue;
    if (tightest?.freeFrames === undefined || sample.freeFrames < tightest.freeFrames) tightest = sample;
  }
  return tightest;
}

function givenOut(areas: ScenarioSight['areas']): number {
  return areas.reduce((sum, { allocated }) => sum + allocated, 0);
}
