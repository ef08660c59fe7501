/**
 * The report of a run for a person at a terminal, who may never have heard of swap slots.
 *
 * Pure: from a document to text. Every number and every sentence is computed from the document; nothing is said
 * that was not measured.
 */
import { createColors } from 'picocolors';

import type { LockResult, PolicyResult, RunDocument, Sample } from '../run/document.js';
import { formatDuration } from '../run/duration.js';
import { POLICY_FACTS } from '../run/policies.js';
import { suspectSentence } from '../run/suspects.js';
import { withLastLaps } from './last-lap.js';
import { failedExpectations, mostStalePages, scenarioOfDocument, scenarioWords } from './scenario-text.js';
import { wrap } from './wrap.js';

export { wrap } from './wrap.js';

/** How the report may look. */
export interface TableStyle {
  /** Whether escape sequences for colours may be written. */
  readonly colour: boolean;
  /** Whether the terminal shows block characters; else the curves are drawn in ASCII. */
  readonly unicode: boolean;
  /** Columns of the terminal; sentences are broken there, and at {@link TEXT_COLUMNS_MAX} at the latest. 80 when not given. */
  readonly columns?: number;
}

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
const ASCII_LEVELS = ['.', ':', '-', '=', '+', '*', '#', '@'] as const;
/** How many columns of the terminal one sample of a curve takes. */
const SAMPLE_COLUMNS = 2;
/** Longer lines are hard to read, however wide the terminal is. */
const TEXT_COLUMNS_MAX = 96;
const TEXT_COLUMNS_MIN = 40;
const TEXT_COLUMNS_DEFAULT = 80;
const CURVE_SAMPLES_MAX = 36;
/** How many names of phases go on one line. */
const LEGEND_NAMES = 5;
/** How many sentences a policy may say about what went wrong. */
const REPORTS_MAX = 10;

/**
 * Writes the report of a run: what ran, curves, figures, what was seen, and how to repeat it.
 *
 * @param document - what `runWorkload` gave
 * @param style - how it may look
 * @returns text with a line feed at its end
 */
export function renderRun(document: RunDocument, style: TableStyle): string {
  const colours = createColors(style.colour);
  const width = Math.min(Math.max(style.columns ?? TEXT_COLUMNS_DEFAULT, TEXT_COLUMNS_MIN), TEXT_COLUMNS_MAX);
  const wrong = errors(document);
  const told = why(document, width);
  const lines: string[] = [
    '',
    ...wrap('', headline(document), width).map((line) => colours.bold(line)),
    ...introduction(document, width),
    '',
    ...curves(withLastLaps(document), style, width),
    ...figures(document.policies).map((line, row) => (row === 0 ? colours.bold(line) : line)),
    '',
    ...(told.length === 0 ? [] : [colours.bold(`Why: ${document.options.scenario ?? ''}`), ...told, '']),
    colours.bold('What was seen'),
    ...sentences(document).flatMap((sentence) => wrap('  - ', sentence, width)),
    '',
    ...(wrong.length === 0 ? [] : [colours.bold(colours.red('What went wrong'))]),
    ...wrong.flatMap((sentence) => wrap('  - ', sentence, width)),
    ...(wrong.length === 0 ? [] : ['']),
    'To see the same again:',
    `  ${colours.bold(document.command)}`,
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * Whether everything that a run checks was as it must be.
 *
 * @param document - what `runWorkload` gave
 */
export function runIsSound(document: RunDocument): boolean {
  return document.policies.every(
    (result) =>
      result.integrityErrors === 0 &&
      result.invariantErrors === 0 &&
      result.statDrift === 0 &&
      failedExpectations(result).length === 0,
  );
}

/**
 * A curve of one character a value, from the lowest level for the smallest values to the highest for `top`; zero is
 * a blank.
 *
 * @param values - not negative
 * @param top - the value of the highest level; with 0 all values are blanks
 * @param unicode - block characters, or ASCII
 * @param columns - how often each character is repeated
 */
export function sparkline(values: readonly number[], top: number, unicode: boolean, columns = 1): string {
  const levels = unicode ? BLOCKS : ASCII_LEVELS;
  let line = '';
  for (const value of values) {
    const level = top === 0 ? 0 : Math.min(levels.length, Math.ceil((value * levels.length) / top));
    line += (level === 0 ? ' ' : (levels[level - 1] ?? ' ')).repeat(columns);
  }
  return line;
}

function headline(document: RunDocument): string {
  const policies = document.policies.length;
  const ways = policies === 1 ? 'one way' : policies === 2 ? 'two ways' : `${String(policies)} ways`;
  return `One workload, ${ways} to tell a compressed-RAM swap device that a slot is free`;
}

function introduction(document: RunDocument, width: number): string[] {
  const { options } = document;
  const mapped = options.mapped * document.swappers;
  const what =
    `${plural(document.swappers, 'worker thread')} ${document.swappers === 1 ? 'uses' : 'use'} ` +
    `${mebibytes(mapped)} of memory, of which ${mebibytes(options.limit)} may stay resident; the rest is swapped to ` +
    `${plural(options.disks, 'disk')} of ${mebibytes(options.disksize)} that ` +
    `${options.disks === 1 ? 'lives' : 'live'} in RAM, compressed. ${plural(options.ops, 'step')}` +
    (options.duration === null
      ? ' under each policy.'
      : `, over and over for ${formatDuration(options.duration)} under each policy; the curves are those of the last lap.`);
  return [
    ...wrap('  ', what, width),
    ...wrap(
      '  ',
      `workload ${options.workload}, ` +
        (options.scenario === null ? '' : `scenario ${options.scenario}, `) +
        `codec ${options.codec}, profile ${document.profile}, ` +
        `RAM ${mebibytes(options.ram)}, seed ${String(document.seed)}`,
      width,
    ),
    ...wrap('  pages: ', document.pagesDescription, width),
    '',
    '  live   = slots that hold a page somebody still needs',
    '  stored = slots that the device keeps bytes for',
    '  stale  = stored, but freed: memory spent on pages that nobody will ever read',
    '  end    = after all processes have exited',
  ];
}

function curves(document: RunDocument, style: TableStyle, width: number): string[] {
  const colours = createColors(style.colour);
  const shown = document.policies.map((result) => ({ result, samples: shownSamples(result) }));
  let top = 0;
  for (const { samples } of shown) {
    for (const sample of samples) top = Math.max(top, sample.live, sample.stored);
  }
  const lines: string[] = [];
  for (const { result, samples } of shown) {
    const [first = '', ...more] = wrap(`${result.policy}: `, POLICY_FACTS[result.policy].meaning, width);
    lines.push(colours.bold(result.policy) + first.slice(result.policy.length), ...more);
    for (const what of ['live', 'stored', 'stale'] as const) {
      const values = samples.map((sample) => sample[what]);
      const curve = sparkline(values, top, style.unicode, SAMPLE_COLUMNS);
      const isBad = what === 'stale' && Math.max(0, result.final.stale, ...values) > 0;
      const text =
        `  ${what.padEnd(6)} |${isBad ? colours.red(curve) : curve}| ` +
        `most ${count(Math.max(0, ...values))}, end ${count(result.final[what])}`;
      lines.push(text);
    }
    lines.push(...phaseRuler(samples).map((line) => colours.dim(line)), '');
  }
  return lines;
}

/** The exact samples, thinned out evenly when there are more than a line can show. */
function shownSamples(result: PolicyResult): Sample[] {
  const exact = result.samples.filter((sample) => sample.quiescent);
  if (exact.length <= CURVE_SAMPLES_MAX) return exact;
  const thinned: Sample[] = [];
  for (let index = 1; index <= CURVE_SAMPLES_MAX; index++) {
    const sample = exact[Math.ceil((index * exact.length) / CURVE_SAMPLES_MAX) - 1];
    if (sample !== undefined) thinned.push(sample);
  }
  return thinned;
}

/** A line that numbers the phases under the curves, and the names of the numbers. */
function phaseRuler(samples: readonly Sample[]): string[] {
  const names: string[] = [];
  let ruler = '';
  for (const sample of samples) {
    if (!names.includes(sample.phase)) names.push(sample.phase);
    ruler += String((names.indexOf(sample.phase) + 1) % 10).repeat(SAMPLE_COLUMNS);
  }
  if (names.length === 0) return [];
  const legend = names.map((name, index) => `${String(index + 1)} ${name}`);
  const lines = [`  phase   ${ruler}`];
  for (let first = 0; first < legend.length; first += LEGEND_NAMES) {
    lines.push(`          ${legend.slice(first, first + LEGEND_NAMES).join(', ')}`);
  }
  return lines;
}

/** A table with a column for each policy: however many figures there are, it stays narrow. */
function figures(policies: readonly PolicyResult[]): string[] {
  if (policies.length === 0) return [];
  const row = (name: string, value: (result: PolicyResult) => string): string[] => [
    `  ${name}`,
    ...policies.map(value),
  ];
  const table: string[][] = [
    row('', (result) => result.policy),
    row('at the end: slots stored', ({ final }) => count(final.stored)),
    row('            of them stale', ({ final }) => count(final.stale)),
    row('            compressed data', ({ final }) => kibibytes(final.comprBytes)),
    row('            pages of RAM for it', ({ final }) => count(final.poolPages)),
    row('pages swapped out', ({ vm }) => count(vm.swapOuts)),
    row('pages swapped in', ({ vm }) => count(vm.swapIns)),
    ...(isAboutMemory(policies)
      ? [
          row('pages that reclaim looked at', ({ vm }) => count(vm.scanned)),
          row('most pages of RAM for stale slots', (result) => count(mostStalePages(result))),
          row('processes killed', ({ vm }) => count(vm.kills)),
        ]
      : []),
    ...(policies.some(({ vm }) => (vm.readAhead ?? 0) > 0)
      ? [
          row('pages read ahead', ({ vm }) => count(vm.readAhead ?? 0)),
          row('           of them used', ({ vm }) => count(vm.readAheadHits ?? 0)),
        ]
      : []),
    ...(policies.some(({ vm }) => vm.ioErrors > 0)
      ? [
          row('transfers that failed', ({ vm }) => count(vm.ioErrors)),
          row('processes ended by SIGBUS', ({ vm }) => count(vm.busErrors ?? 0)),
        ]
      : []),
    row('steps per second', ({ ops, seconds }) => (seconds > 0 ? count(Math.round(ops / seconds)) : '-')),
    row('telling the device of a free', ({ freeCost }) =>
      freeCost.usPerSlot === null ? '-' : `${freeCost.usPerSlot.toFixed(2)} us`,
    ),
    row('swap_lock found taken', ({ locks }) => contention(locks)),
    ...(policies.some(({ laps }) => laps > 1) ? [row('laps done', ({ laps }) => count(laps))] : []),
  ];
  const widths = ['', ...policies].map((_, column) =>
    Math.max(...table.map((cells) => (cells[column] ?? '').length)),
  );
  return table.map((cells) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart((widths[column] ?? 0) + 3),
      )
      .join(''),
  );
}

/** Whether memory was short, or a scenario asks whether it was. */
function isAboutMemory(policies: readonly PolicyResult[]): boolean {
  return policies.some(({ vm, scenario }) => vm.kills > 0 || scenario !== null);
}

function contention(locks: readonly LockResult[]): string {
  const lock = locks.find((candidate) => candidate.class === 'swap_lock');
  if (lock === undefined) return 'not counted';
  const share = lock.acquisitions === 0 ? 0 : (100 * lock.contended) / lock.acquisitions;
  return `${count(lock.contended)} (${share.toFixed(2)} %)`;
}

function sentences(document: RunDocument): string[] {
  const said = document.policies.flatMap((result) => [staleSentence(result), ...memorySentence(result)]);
  if (document.policies.length === 0) said.push('No policy ran to its end.');
  else said.push(checkSentence(document.policies));
  if (document.interrupted) said.push('The run was interrupted: what did not end is missing here.');
  return said;
}

function staleSentence(result: PolicyResult): string {
  const samples = result.samples.filter((sample) => sample.quiescent);
  const dirty = samples.filter((sample) => sample.stale > 0);
  const { final } = result;
  const checkpoints = `${String(dirty.length)} of ${plural(samples.length, 'checkpoint')}`;
  if (final.stored > 0) {
    const staleOnes = final.stale === final.stored ? 'all' : count(final.stale);
    return (
      `${result.policy}: after all processes had exited, the device still kept ${plural(final.stored, 'slot')}, ` +
      `${staleOnes} of them stale: ${kibibytes(final.comprBytes)} compressed ` +
      `in ${plural(final.poolPages, 'page')} of RAM; ${checkpoints} saw stale slots.`
    );
  }
  if (dirty.length > 0) {
    const most = Math.max(...dirty.map((sample) => sample.stale));
    return (
      `${result.policy}: ${checkpoints} saw stale slots, at most ${count(most)} at once; ` +
      `after all processes had exited nothing was left.`
    );
  }
  return (
    `${result.policy}: not one stale slot at any of ${plural(samples.length, 'checkpoint')}, and nothing stored ` +
    `after all processes had exited.`
  );
}

/** Whether the process grew, where it ran long enough for that to be told. */
function memorySentence({ policy, memory }: PolicyResult): string[] {
  const { rssAfterFirstMinute, rssMaxAfterFirstMinute, rssEnd } = memory;
  if (rssAfterFirstMinute === null || rssMaxAfterFirstMinute === null) return [];
  return [
    `${policy}: this process had ${mebibytes(rssAfterFirstMinute)} of resident memory after the first minute, ` +
      `${mebibytes(rssEnd)} at the end, and never more than ${mebibytes(rssMaxAfterFirstMinute)} in between.`,
  ];
}

/** What the scenario is about and what came of it, under a heading of its own. */
function why(document: RunDocument, width: number): string[] {
  const scenario = scenarioOfDocument(document);
  const words = scenarioWords(document);
  if (scenario === null || words.length === 0) return [];
  return [
    ...wrap('  ', scenario.meaning, width),
    ...words.flatMap(({ policy, sentences: said }) =>
      said.flatMap((each) => wrap('  - ', `${policy}: ${each}`, width)),
    ),
  ];
}

function checkSentence(policies: readonly PolicyResult[]): string {
  const total = (pick: (result: PolicyResult) => number): number =>
    policies.reduce((sum, result) => sum + pick(result), 0);
  const wrong = [
    plural(
      total((result) => result.integrityErrors),
      'page',
    ) + ' read back wrong',
    plural(
      total((result) => result.invariantErrors),
      'invariant',
    ) + ' broken',
    plural(
      total((result) => result.statDrift),
      'driver counter',
    ) + ' off',
    plural(
      total((result) => result.vm.kills),
      'process',
      'es',
    ) + ' killed',
  ];
  const swapIns = total((result) => result.vm.swapIns);
  return `Checks over ${plural(swapIns, 'page')} swapped in: ${wrong.join(', ')}.`;
}

/** The first sentences of the checks of each policy, and who is suspected, with the policy before them. */
function errors({ policies, profile }: RunDocument): string[] {
  return policies.flatMap((result) => {
    const { policy, reports, suspects } = result;
    const shown = reports.slice(0, REPORTS_MAX).map((report) => `${policy}: ${report}`);
    shown.push(...failedExpectations(result).map((sentence) => `${policy}: ${sentence}`));
    const more = reports.length - shown.length;
    if (more > 0) shown.push(`${policy}: ${count(more)} more, which --json shows`);
    const sentence = suspectSentence(profile, suspects);
    if (sentence !== '') shown.push(`${policy}: ${sentence}`);
    return shown;
  });
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function plural(value: number, noun: string, ending = 's'): string {
  return `${count(value)} ${noun}${value === 1 ? '' : ending}`;
}

function kibibytes(bytes: number): string {
  return `${count(Math.ceil(bytes / 1024))} KiB`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
