/**
 * What was done and found, in a few lines for a terminal.
 */
import { createColors } from 'picocolors';

import type { TableStyle } from '../report/table.js';
import type { ExploreDocument, FindingDocument, ReplayedOn, ReplayTokenDocument } from './document.js';

/**
 * The lines below a report that are not in it: how the failure plays on real threads.
 *
 * @param finding - the failure
 * @param style - how it may look
 * @returns text with a line feed at its end, or nothing
 */
export function findingSummary({ onThreads }: FindingDocument, style: TableStyle): string {
  if (onThreads === null) return '';
  const colours = createColors(style.colour);
  if (onThreads.difference === null)
    return `On real threads: ${onThreads.confirmed} of ${onThreads.confirmed} replays fail alike, step for step.\n`;
  return `${colours.red(`On real threads it plays differently: ${onThreads.difference}`)}\n`;
}

/**
 * What a search has done.
 *
 * @param document - of the search
 * @param style - how it may look
 * @returns text with a line feed at its end
 */
export function exploreSummary(document: ExploreDocument, style: TableStyle): string {
  const colours = createColors(style.colour);
  const { scenario, schedules, distinct, seconds, finding, complete, interrupted, seed, groups } = document;
  const rate = seconds > 0 ? schedules / seconds : 0;
  const verdict =
    finding !== null
      ? colours.red(`found after ${plural(schedules, 'schedule')}`)
      : `${colours.green('clean')} over ${plural(schedules, 'schedule')}${interrupted ? ', when it was ended' : ''}`;
  const lines = [
    `${colours.bold(scenario)}: ${verdict} (${count(distinct)} distinct) in ${seconds.toFixed(2)} s, ` +
      `${count(Math.round(rate))}/s, ${document.engine} engine${pinnedText(document)}, strategy ${document.strategy}`,
  ];
  if (complete !== null) lines.push(complete.charAt(0).toUpperCase() + complete.slice(1));
  lines.push(
    `Seed ${seed}${groups > 1 ? `, ${groups} groups` : ''}: ${colours.dim(searchCommand(document))}`,
  );
  return `${lines.join('\n')}\n`;
}

/**
 * The command that repeats a search.
 *
 * @param document - of the search
 */
export function searchCommand(document: ExploreDocument): string {
  const { scenario, file, engine, strategy, depth, seed, variants, faults, groups, finding } = document;
  const words = ['npx swaplab explore', file ?? scenario, `--engine ${engine}`];
  if (strategy !== 'portfolio') words.push(`--strategy ${strategy}`);
  if (depth !== null) words.push(`--depth ${depth}`);
  for (const variant of variants) words.push(`--variant ${variant}`);
  if (faults.length > 0) words.push(`--faults ${faults.join(',')}`);
  if (!document.detectors) words.push('--no-detectors');
  if (strategy !== 'search') words.push(`--groups ${groups}`);
  // What was found in a search that was longer is found again with the same limit or none.
  if (finding === null) words.push(`--schedules ${Math.max(1, document.schedules)}`);
  words.push(`--seed ${seed}`);
  return words.join(' ');
}

function pinnedText({ engine, pinned, groups }: ExploreDocument): string {
  if (engine !== 'threads') return '';
  return pinned ? ` (${groups > 1 ? 'each group' : 'all'} on one core)` : ' (not pinned)';
}

function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

/**
 * What became of a token.
 *
 * @param document - of the replay
 * @param then - what went on behind it, or null
 * @param style - how it may look
 * @returns text with a line feed at its end
 */
export function replaySummary(
  document: ReplayTokenDocument,
  then: { readonly strategy: string; readonly seed: number } | null,
  style: TableStyle,
): string {
  const colours = createColors(style.colour);
  const { scenario, engines, finding, schedules } = document;
  const lines = engines.map((one) => {
    const head = `${colours.bold(scenario)} on the ${one.engine} engine${one.engine === 'threads' ? placeText(one) : ''}`;
    const hashes = `trace ${one.traceHash}, memory ${one.memoryHash}`;
    if (one.difference !== null) return `${head}: ${colours.red(one.difference)}`;
    if (one.kind === null)
      return `${head}: ${colours.green(`${one.clean} of ${one.times}`)} replays end without failing; ${hashes}`;
    return `${head}: ${colours.bold(`${one.reproduced} of ${one.times}`)} replays fail alike; ${hashes}`;
  });
  if (then !== null) {
    const verdict = finding === null ? 'nothing else was found' : `found: ${finding.sentence}`;
    lines.push(
      `Behind it, ${then.strategy} with seed ${then.seed}: ${verdict}, in ${plural(schedules, 'schedule')}`,
    );
  } else if (finding !== null && finding.token !== document.token) {
    lines.push(`Made smaller: ${finding.token.length} characters instead of ${document.token.length}`);
  }
  return `${lines.join('\n')}\n`;
}

function placeText({ pinned }: ReplayedOn): string {
  return pinned ? ', on one core' : ', on all cores';
}
