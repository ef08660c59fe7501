/**
 * Which catalogued faults of a profile can be behind what a run found.
 *
 * In `sound` there are none: what is found there is a bug of ours. In a historical profile the faults are in the code on purpose, and a reader
 * wants to know which of them to look at. What each fault can show as is said in the table of variants of `@swaplab/kernel-mm`, and in that of the
 * driver's faults of `@swaplab/ramzswap`.
 */
import { variantsOf, type Symptom } from '@swaplab/kernel-mm';
import { driverFaultsOf } from '@swaplab/ramzswap';

import type { RunProfile } from './options.js';

/** What the checks of a run found. */
export interface FoundErrors {
  /** Pages read back wrong. */
  readonly integrityErrors: number;
  /** Invariants broken, one sentence each; the first few will do. */
  readonly broken: readonly string[];
}

/**
 * The faults that can cause what the checks found.
 *
 * @param profile - of the run
 * @param found - by its checks
 * @returns names of variants, in the order of their table; empty when nothing was found
 */
export function suspectsOf(profile: RunProfile, { integrityErrors, broken }: FoundErrors): string[] {
  const suspects = new Set(integrityErrors > 0 ? withSymptom(profile, 'contents') : []);
  for (const sentence of broken) {
    for (const id of caughtBy(profile, sentence) ?? withSymptom(profile, 'books')) suspects.add(id);
  }
  return faultsOf(profile)
    .map(({ id }) => id)
    .filter((id) => suspects.has(id));
}

/**
 * The faults that can have stopped a machine, or hung it.
 *
 * @param profile - of the run
 * @param report - of the machine
 * @returns names of variants, in the order of their table
 */
export function suspectsOfStop(profile: RunProfile, report: string): string[] {
  return caughtBy(profile, report) ?? withSymptom(profile, 'stop');
}

/**
 * Says who is suspected.
 *
 * @param profile - of the run
 * @param suspects - names of variants of the profile
 * @returns one sentence; empty when nobody is suspected
 */
export function suspectSentence(profile: RunProfile, suspects: readonly string[]): string {
  const known = faultsOf(profile).filter(({ id }) => suspects.includes(id));
  if (known.length === 0) return '';
  const named = known.map(({ id, title }) => `${id} (${title.replace(/\.$/, '')})`).join('; ');
  return `the profile ${profile} has faults that can cause this: ${named}`;
}

/**
 * The report of a machine that stopped or hung, and below it who is suspected.
 *
 * @param profile - of the run
 * @param report - of the machine
 */
export function withSuspects(profile: RunProfile, report: string): string {
  const sentence = suspectSentence(profile, suspectsOfStop(profile, report));
  return sentence === '' ? report : `${report}\n${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

/** What can be wrong in a profile. */
interface Fault {
  readonly id: string;
  readonly title: string;
  readonly symptoms: readonly Symptom[];
  readonly report: RegExp | null;
}

/** Those of the kernel, then those of the driver. */
function faultsOf(profile: RunProfile): readonly Fault[] {
  return [...variantsOf(profile), ...driverFaultsOf(profile)];
}

/** Where the words are those that a certain fault leads to, the others are not suspected; null when they are nobody's. */
function caughtBy(profile: RunProfile, sentence: string): string[] | null {
  const caught = faultsOf(profile).filter(({ report }) => report?.test(sentence) === true);
  return caught.length === 0 ? null : caught.map(({ id }) => id);
}

function withSymptom(profile: RunProfile, symptom: Symptom): string[] {
  return faultsOf(profile)
    .filter(({ symptoms }) => symptoms.includes(symptom))
    .map(({ id }) => id);
}
