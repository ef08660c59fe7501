/**
 * What a run has shown, said in sentences. Every sentence is computed from the document; none says what was not
 * measured, and each falls away when its numbers are missing.
 */
import { PAGE_BYTES } from '../../pages/generate.js';
import type { PolicyResult, RunDocument, Sample, SlotCounts } from '../../run/document.js';
import { formatDuration } from '../../run/duration.js';
import { failedExpectations } from '../scenario-text.js';
import {
  byteText,
  count,
  listText,
  microText,
  percentText,
  plural,
  ratioText,
  secondText,
} from './numbers.js';

/** A paragraph with a heading. */
export interface Paragraph {
  readonly heading: string;
  readonly text: string;
}

/** Below this the averages of two policies are called the same. */
const SAVING_WORTH_A_WORD = 0.01;

/** Bytes of the page frames that a device holds. */
export function heldBytes(counts: SlotCounts): number {
  return counts.poolPages * PAGE_BYTES;
}

/** The samples at which all swappers stood still, in order of time. */
export function exactSamples(result: PolicyResult): Sample[] {
  return result.samples.filter((sample) => sample.quiescent).sort((a, b) => a.t - b.t);
}

/** The result under a policy, if it ran to its end. */
export function resultOf(document: RunDocument, policy: string): PolicyResult | undefined {
  return document.policies.find((result) => result.policy === policy);
}

/** Bytes held at a checkpoint, on average; null without checkpoints. */
export function meanHeldBytes(result: PolicyResult): number | null {
  const exact = exactSamples(result);
  if (exact.length === 0) return null;
  return exact.reduce((total, sample) => total + heldBytes(sample), 0) / exact.length;
}

/** Whether there was no stale slot at any checkpoint, and nothing stored in the end. */
export function isExact(result: PolicyResult): boolean {
  return result.final.stored === 0 && exactSamples(result).every((sample) => sample.stale === 0);
}

/** Frees that should have reached the devices and did not. */
export function missedFrees(result: PolicyResult): number {
  return result.areas.reduce((total, area) => total + area.missed, 0);
}

/** The checks that failed, counted over all policies. */
export function failedChecks(document: RunDocument): number {
  return document.policies.reduce(
    (total, result) =>
      total +
      result.integrityErrors +
      result.invariantErrors +
      result.statDrift +
      failedExpectations(result).length,
    0,
  );
}

/**
 * The one sentence above everything: what telling the device saved.
 *
 * @param document - of the run
 */
export function headline(document: RunDocument): string {
  const none = resultOf(document, 'none');
  const notify = resultOf(document, 'notify');
  if (none !== undefined && notify !== undefined) return savingSentence(none, notify);
  const [first, ...others] = document.policies;
  if (first === undefined) return 'No policy ran to its end: there is nothing to show.';
  if (others.length === 0) {
    return `Under ${first.policy}, the device ended with ${byteText(heldBytes(first.final))} of RAM in use.`;
  }
  const byHeld = [...document.policies].sort((a, b) => heldBytes(a.final) - heldBytes(b.final));
  const [least = first, most = first] = [byHeld[0], byHeld.at(-1)];
  const [low, high] = [heldBytes(least.final), heldBytes(most.final)];
  if (low === high)
    return `Under all ${count(byHeld.length)} policies the device ended with ${byteText(low)} of RAM in use.`;
  return (
    `Of ${count(byHeld.length)} policies, ${least.policy} left the least RAM in use, ${byteText(low)}, ` +
    `and ${most.policy} the most, ${byteText(high)}.`
  );
}

function savingSentence(none: PolicyResult, notify: PolicyResult): string {
  const [without, told] = [heldBytes(none.final), heldBytes(notify.final)];
  if (without === told) {
    return `Told of freed slots or not, the device ended with the same ${byteText(told)} of RAM in use.`;
  }
  if (without < told) {
    return `Telling the device saved nothing here: it ended with ${byteText(told)} of RAM in use, without it with ${byteText(without)}.`;
  }
  const [meanWithout, meanTold] = [meanHeldBytes(none), meanHeldBytes(notify)];
  const saving =
    meanWithout === null || meanTold === null || meanWithout === 0 ? 0 : 1 - meanTold / meanWithout;
  const onTheWay =
    saving < SAVING_WORTH_A_WORD ? '' : `, and held ${percentText(saving)} less on the way there`;
  const who = missedFrees(notify) === 0 ? 'Told of every freed slot' : 'Told of freed slots';
  if (told === 0) {
    return `${who}, the device gave back all of the ${byteText(without)} it keeps when nobody tells it${onTheWay}.`;
  }
  return `${who}, the device ended with ${byteText(told)} of RAM in use instead of ${byteText(without)}${onTheWay}.`;
}

/**
 * Three paragraphs for somebody who has never heard of swap slots: what ran, what the device does not know, and what
 * changes when it is told.
 *
 * @param document - of the run
 */
export function paragraphs(document: RunDocument): Paragraph[] {
  return [
    { heading: 'What ran', text: whatRan(document) },
    { heading: 'What a device cannot know', text: unknown(document) },
    { heading: 'What changes when it is told', text: whenTold(document) },
  ];
}

function whatRan(document: RunDocument): string {
  const { options, swappers } = document;
  const places = options.disks === 1 ? 'a disk that lives' : `${count(options.disks)} disks that live`;
  const mapped = options.mapped * swappers;
  return (
    `${plural(swappers, 'worker thread')} ${swappers === 1 ? 'uses' : 'use'} ${byteText(mapped)} of memory, but only ` +
    `${byteText(options.limit)} may stay resident. The rest is swapped out, in pages of 4 KiB, to ${places} in RAM ` +
    `and ${options.codec === 'none' ? 'could compress them' : 'compress them'}. The place of a page on a disk is a slot. ` +
    `A slot is freed when its page is thrown away or has changed in memory. ` +
    `The same ${plural(options.ops, 'step')} ran ${overAndOver(options.duration)}under ${policiesText(document)}.`
  );
}

function overAndOver(duration: number | null): string {
  if (duration === null) return '';
  return `over and over for ${formatDuration(duration)}, of which the last lap is drawn, `;
}

function policiesText(document: RunDocument): string {
  const names = document.policies.map((result) => result.policy);
  if (names.length === 0) return 'no policy to the end';
  if (names.length === 1) return `one policy, ${names[0] ?? ''}`;
  return `${count(names.length)} policies, ways to tell a disk that a slot is free: ${listText(names)}`;
}

/** About the policy under which most was kept for nothing. */
function unknown(document: RunDocument): string {
  const result = resultOf(document, 'none') ?? stalest(document);
  if (result === undefined) return 'Nothing was measured.';
  const exact = exactSamples(result);
  const { policy, final } = result;
  const said = [
    `A disk sees writes and reads, but not that a page was thrown away: unless somebody tells it, it keeps the bytes. ` +
      `Such slots are stale.`,
  ];
  const staleMost = exact.reduce((most, sample) => Math.max(most, sample.stale), final.stale);
  if (staleMost === 0)
    return `${said.join(' ')} Under ${policy} not one slot was stale at any checkpoint of this run.`;
  if (exact.length > 1) said.push(ratchetSentence(policy, exact));
  const worst = exact.filter((sample) => sample.live > 0).sort((a, b) => b.stale - a.stale)[0];
  if (worst !== undefined && worst.stale > 0) {
    said.push(
      `In the phase “${worst.phase}” it stored ${plural(worst.stored, 'slot')} while ${count(worst.live)} ` +
        `${worst.live === 1 ? 'was' : 'were'} in use, ${ratioText(worst.stored / worst.live)} for each.`,
    );
  }
  if (final.stored > 0) {
    said.push(
      `After the last process had exited it still kept ${plural(final.stored, 'slot')}, ` +
        `${byteText(final.comprBytes)} of compressed data in ${byteText(heldBytes(final))} of RAM, for nobody.`,
    );
  }
  return said.join(' ');
}

function ratchetSentence(policy: string, exact: readonly Sample[]): string {
  const mostLive = exact.reduce((most, sample) => Math.max(most, sample.live), 0);
  const mostStored = exact.reduce((most, sample) => Math.max(most, sample.stored), 0);
  const falls = exact.some((sample, index) => index > 0 && sample.stored < (exact[index - 1]?.stored ?? 0));
  const rose = `Under ${policy}, never more than ${plural(mostLive, 'slot')} ${mostLive === 1 ? 'was' : 'were'} in use at a checkpoint, yet up to ${count(mostStored)} were stored`;
  return falls ? `${rose}.` : `${rose}: from checkpoint to checkpoint the number of stored slots never fell.`;
}

function stalest(document: RunDocument): PolicyResult | undefined {
  const most = (result: PolicyResult): number =>
    result.samples.reduce(
      (stale, sample) => Math.max(stale, sample.quiescent ? sample.stale : 0),
      result.final.stale,
    );
  return [...document.policies].sort((a, b) => most(b) - most(a))[0];
}

function whenTold(document: RunDocument): string {
  const told = document.policies.filter((result) => result.policy !== 'none');
  if (told.length === 0) return 'No policy that tells the device ran to its end.';
  const exact = told.filter(isExact);
  const others = told.filter((result) => !isExact(result));
  const said: string[] = [];
  if (exact.length > 0) {
    said.push(
      `Under ${listText(exact.map((result) => result.policy))} not one slot was stale at any checkpoint, and nothing was ` +
        `left after the last process had exited: the curve of stored slots lies on the curve of slots in use.`,
    );
  }
  if (others.length > 0) said.push(`Not so under ${listText(others.map(remainder))}.`);
  // Where frees come late or never, what one costs is another question.
  const cost = costSentence(exact.length > 0 ? exact : told);
  if (cost !== null) said.push(cost);
  for (const { policy, freeCost } of told) {
    if (freeCost.bioFailures > 0) {
      said.push(`Under ${policy} ${plural(freeCost.bioFailures, 'block request')} could not be made.`);
    }
  }
  return said.join(' ');
}

function remainder(result: PolicyResult): string {
  const stale = exactSamples(result).reduce((most, sample) => Math.max(most, sample.stale), 0);
  return `${result.policy} (up to ${count(stale)} stale, ${count(result.final.stored)} left at the end)`;
}

function costSentence(told: readonly PolicyResult[]): string | null {
  const costs = told
    .flatMap(({ policy, freeCost }) =>
      freeCost.usPerSlot === null ? [] : [{ policy, us: freeCost.usPerSlot }],
    )
    .sort((a, b) => a.us - b.us);
  const [cheap, dear] = [costs[0], costs.at(-1)];
  if (cheap === undefined || dear === undefined) return null;
  if (cheap === dear)
    return `To tell the device of one freed slot took ${microText(cheap.us)} under ${cheap.policy}.`;
  const times = cheap.us > 0 ? `, ${ratioText(dear.us / cheap.us)} times as long` : '';
  return (
    `To tell the device of one freed slot took ${microText(cheap.us)} under ${cheap.policy} ` +
    `and ${microText(dear.us)} under ${dear.policy}${times}.`
  );
}

/** A number worth a glance, with what it is compared to. */
export interface KeyFigure {
  readonly name: string;
  readonly value: string;
  readonly remark: string;
}

/**
 * The few numbers that stand large under the headline.
 *
 * @param document - of the run
 */
export function keyFigures(document: RunDocument): KeyFigure[] {
  const told = resultOf(document, 'notify') ?? document.policies.find((result) => result.policy !== 'none');
  const base = resultOf(document, 'none') ?? document.policies.find((result) => result !== told);
  const main = told ?? base;
  if (main === undefined) return [];
  const against = (value: (result: PolicyResult) => string): string =>
    base === undefined || base === main ? '' : `${value(base)} under ${base.policy}`;
  const mean = (result: PolicyResult): string => {
    const bytes = meanHeldBytes(result);
    return bytes === null ? 'not measured' : byteText(bytes);
  };
  const cost = main.freeCost.usPerSlot;
  return [
    figure('RAM held after all had exited', main, (result) => byteText(heldBytes(result.final)), against),
    figure('RAM held on average', main, mean, against),
    figure('Stale slots in the end', main, (result) => count(result.final.stale), against),
    {
      name: `Cost per freed slot, ${main.policy}`,
      value: cost === null ? 'not measured' : microText(cost),
      remark: `finished in ${secondText(main.seconds)}`,
    },
  ];
}

function figure(
  name: string,
  main: PolicyResult,
  value: (result: PolicyResult) => string,
  against: (value: (result: PolicyResult) => string) => string,
): KeyFigure {
  return { name: `${name}, ${main.policy}`, value: value(main), remark: against(value) };
}
