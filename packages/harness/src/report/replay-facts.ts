/**
 * What a replay has shown, said in sentences, for the terminal and for the page. Each falls away when its numbers are missing.
 */
import type { ReplayDocument, ReplayPolicyResult } from '../replay/document.js';

const PAGE_BYTES = 4096;

/**
 * What was seen under each policy, and in the checks.
 *
 * @param document - of the replay
 */
export function replaySentences(document: ReplayDocument): string[] {
  const { policies, interrupted } = document;
  const said = policies.map(policySentence);
  const compared = kernelSentence(policies);
  if (compared !== null) said.push(compared);
  const skipped = skippedSentence(policies);
  if (skipped !== null) said.push(skipped);
  said.push(policies.length === 0 ? 'No policy ran to its end.' : checkSentence(policies));
  if (interrupted) said.push('The replay was interrupted: what did not end is missing here.');
  return said;
}

/**
 * The one sentence above everything.
 *
 * @param document - of the replay
 */
export function replayHeadline({ policies }: ReplayDocument): string {
  const of = (policy: string): ReplayPolicyResult | undefined =>
    policies.find((result) => result.policy === policy);
  const [none, notify] = [of('none'), of('notify')];
  if (none !== undefined && notify !== undefined) {
    const [without, told] = [none.poolPagesMax * PAGE_BYTES, notify.poolPagesMax * PAGE_BYTES];
    if (told < without)
      return (
        `Told of every freed slot, the device needs at most ${mebibytes(told)} of RAM for this trace; ` +
        `told nothing, ${mebibytes(without)}.`
      );
    return `For this trace the device needs at most ${mebibytes(without)} of RAM, told of freed slots or not.`;
  }
  const [first] = policies;
  if (first === undefined) return 'No policy ran to its end: there is nothing to show.';
  return `Under ${first.policy}, the device needs at most ${mebibytes(first.poolPagesMax * PAGE_BYTES)} of RAM for this trace.`;
}

function policySentence({ policy, final, poolPagesMax, samples, distinctSlots }: ReplayPolicyResult): string {
  const dirty = samples.filter((sample) => sample.stale > 0).length;
  const ram = `at most ${plural(poolPagesMax, 'page')} of RAM`;
  if (dirty === 0 && final.stale === 0) {
    const left =
      final.stored === 0 ? 'nothing stored' : `${plural(final.stored, 'slot')} stored, all in use,`;
    return `${policy}: not one stale slot at any of ${plural(samples.length, 'moment')}, ${left} at the end; ${ram}.`;
  }
  const most = samples.reduce((top, sample) => Math.max(top, sample.stale), final.stale);
  return (
    `${policy}: stale slots at ${count(dirty)} of ${plural(samples.length, 'moment')}, at most ${count(most)}; ` +
    `at the end ${plural(final.stored, 'slot')} stored, ${count(final.stale)} of them stale, ` +
    `of ${count(distinctSlots)} different ones that were given out; ${ram}.`
  );
}

/** How far live and compressed bytes are from the real device; under the first policy that keeps nothing stale, since the real device was told, too. */
function kernelSentence(policies: readonly ReplayPolicyResult[]): string | null {
  const result =
    policies.find(({ policy, liveVsSamples }) => policy === 'notify' && liveVsSamples !== null) ??
    policies.find(({ liveVsSamples }) => liveVsSamples !== null);
  if (result === undefined || result.liveVsSamples === null) return null;
  const { liveVsSamples, comprVsSamples, samplesCompared, samplesExcluded, policy } = result;
  const left =
    samplesExcluded === 0
      ? ''
      : ` (${count(samplesExcluded)} in the call that unmaps everything are left out)`;
  const bytes =
    comprVsSamples === null
      ? ''
      : `; compressed bytes under ${policy} by a median of ${percent(comprVsSamples.medianRelative)}, ` +
        `95 % of them by at most ${percent(comprVsSamples.p95Relative)}`;
  return (
    `Against ${plural(samplesCompared, 'sample')} of the real kernel${left}: slots in use differ by a median of ` +
    `${count(liveVsSamples.median)}, 95 % of them by at most ${count(liveVsSamples.p95)}${bytes}.`
  );
}

function skippedSentence(policies: readonly ReplayPolicyResult[]): string | null {
  const counts = policies[0]?.counts;
  if (counts === undefined) return null;
  const parts = [
    [counts.rewrites, 'pages rewritten in place'],
    [counts.skippedReads, 'reads of slots not in use skipped'],
    [counts.skippedFrees, 'frees of slots not in use skipped'],
    [counts.discards, 'slots discarded on the device'],
    [counts.skippedDiscards, 'discarded slots of the recording kernel left out'],
    [counts.discardedInUse, 'slots discarded while in use'],
  ] as const;
  const said = parts.filter(([times]) => times > 0).map(([times, what]) => `${count(times)} ${what}`);
  return said.length === 0 ? null : `Rows that are not plain: ${said.join(', ')}.`;
}

function checkSentence(policies: readonly ReplayPolicyResult[]): string {
  const total = (pick: (result: ReplayPolicyResult) => number): number =>
    policies.reduce((sum, result) => sum + pick(result), 0);
  return (
    `Checks over ${plural(
      total(({ counts }) => counts.reads),
      'page',
    )} read: ` +
    `${count(total((result) => result.integrityErrors))} read back wrong, ` +
    `${count(total((result) => result.vm.ioErrors))} not stored or not read, ` +
    `${count(total((result) => result.invariantErrors))} invariants broken, ` +
    `${count(total((result) => result.statDrift))} driver counters off.`
  );
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
