/**
 * The report of a replay for a person at a terminal.
 *
 * Pure: from a document to text. Every number and every sentence is computed from the document; nothing is said that was not measured.
 */
import { createColors } from 'picocolors';

import type { ReplayDocument, ReplayPolicyResult, ReplaySample } from '../replay/document.js';
import { POLICY_FACTS } from '../run/policies.js';
import { suspectSentence } from '../run/suspects.js';
import { replaySentences } from './replay-facts.js';
import { sparkline, type TableStyle } from './table.js';
import { wrap } from './wrap.js';

const TEXT_COLUMNS_MAX = 96;
const TEXT_COLUMNS_MIN = 40;
const TEXT_COLUMNS_DEFAULT = 80;
/** Moments of a curve, and how many columns of the terminal each takes. */
const CURVE_MOMENTS = 50;
const MOMENT_COLUMNS = 1;
/** How many sentences a policy may say about what went wrong. */
const REPORTS_MAX = 10;

/**
 * Writes the report of a replay: what was replayed, curves, figures, what was seen, and how to repeat it.
 *
 * @param document - what `replayTrace` gave
 * @param style - how it may look
 * @returns text with a line feed at its end
 */
export function renderReplay(document: ReplayDocument, style: TableStyle): string {
  const colours = createColors(style.colour);
  const width = Math.min(Math.max(style.columns ?? TEXT_COLUMNS_DEFAULT, TEXT_COLUMNS_MIN), TEXT_COLUMNS_MAX);
  const wrong = errors(document);
  const lines: string[] = [
    '',
    ...wrap('', 'A real trace, and a compressed-RAM swap device of 2010', width).map(colours.bold),
    ...introduction(document, width),
    '',
    ...curves(document, style, width),
    ...figures(document.policies).map((line, row) => (row === 0 ? colours.bold(line) : line)),
    '',
    colours.bold('What was seen'),
    ...replaySentences(document).flatMap((sentence) => wrap('  - ', sentence, width)),
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
 * Whether everything that a replay checks was as it must be.
 *
 * @param document - what `replayTrace` gave
 */
export function replayIsSound(document: ReplayDocument): boolean {
  return document.policies.every(
    ({ integrityErrors, invariantErrors, statDrift, vm }) =>
      integrityErrors === 0 && invariantErrors === 0 && statDrift === 0 && vm.ioErrors === 0,
  );
}

function introduction(document: ReplayDocument, width: number): string[] {
  const { options, trace, seed, profile, pagesDescription } = document;
  if (trace === null) return [`  ${options.file}`];
  const time = trace.seconds === null ? '' : ` in ${secondsText(trace.seconds)}`;
  const device = trace.device === null ? '' : ` of ${trace.device}`;
  const what =
    `${options.file} (${trace.format})${device}: ${count(trace.rows)} rows${time}; ${count(trace.written)} pages written, ` +
    `${count(trace.freed)} slots freed, ${count(trace.discarded)} discarded; at most ${count(trace.liveMax)} in use at a time.`;
  return [
    ...wrap('  ', what, width),
    ...wrap(
      '  ',
      `slots ${options.slots}, ${options.repeat === 1 ? '' : `replayed ${count(options.repeat)} times, `}` +
        `codec ${options.codec}, profile ${profile}, seed ${String(seed)}`,
      width,
    ),
    ...wrap('  pages: ', pagesDescription, width),
    ...trace.notes.flatMap((note) => wrap('  note: ', note, width)),
    '',
    '  live   = slots that are in use',
    '  stored = slots that the device keeps bytes for',
    '  stale  = stored, but freed: memory spent on pages that nobody will ever read',
    ...(document.kernelSamples.length === 0 ? [] : ['  kernel = slots in use when the trace was recorded']),
  ];
}

function curves(document: ReplayDocument, style: TableStyle, width: number): string[] {
  const colours = createColors(style.colour);
  const shown = document.policies.map((result) => ({ result, samples: thinned(result.samples) }));
  let top = 0;
  for (const { samples } of shown) for (const { live, stored } of samples) top = Math.max(top, live, stored);
  const lines: string[] = [];
  for (const { result, samples } of shown) {
    const [first = '', ...more] = wrap(`${result.policy}: `, POLICY_FACTS[result.policy].meaning, width);
    lines.push(colours.bold(result.policy) + first.slice(result.policy.length), ...more);
    for (const what of ['live', 'stored', 'stale'] as const) {
      const values = samples.map((sample) => sample[what]);
      const most = result.samples.reduce((least, sample) => Math.max(least, sample[what]), 0);
      const curve = sparkline(values, top, style.unicode, MOMENT_COLUMNS);
      const isBad = what === 'stale' && most > 0;
      lines.push(
        `  ${what.padEnd(6)} |${isBad ? colours.red(curve) : curve}| ` +
          `most ${count(most)}, end ${count(result.final[what])}`,
      );
    }
    if (document.kernelSamples.length > 0 && document.options.repeat === 1)
      lines.push(
        colours.dim(
          `  kernel |${sparkline(kernelAt(document, samples), top, style.unicode, MOMENT_COLUMNS)}|`,
        ),
      );
    lines.push('');
  }
  return lines;
}

/** Slots in use in the kernel at the moments of some samples of ours. */
function kernelAt({ kernelSamples }: ReplayDocument, samples: readonly ReplaySample[]): number[] {
  return samples.map(({ t }) => kernelSamples.findLast((sample) => sample.t <= t)?.live ?? 0);
}

/** Samples at about equal distances in time. */
function thinned(samples: readonly ReplaySample[]): ReplaySample[] {
  if (samples.length <= CURVE_MOMENTS) return [...samples];
  return Array.from(
    { length: CURVE_MOMENTS },
    (_, index) => samples[Math.ceil(((index + 1) * samples.length) / CURVE_MOMENTS) - 1],
  ).filter((sample) => sample !== undefined);
}

/** A table with a column for each policy. */
function figures(policies: readonly ReplayPolicyResult[]): string[] {
  if (policies.length === 0) return [];
  const row = (name: string, value: (result: ReplayPolicyResult) => string): string[] => [
    `  ${name}`,
    ...policies.map(value),
  ];
  const table: string[][] = [
    row('', (result) => result.policy),
    row('at the end: slots stored', ({ final }) => count(final.stored)),
    row('            of them stale', ({ final }) => count(final.stale)),
    row('            compressed data', ({ final }) => kibibytes(final.comprBytes)),
    row('pages of RAM for it, at most', ({ poolPagesMax }) => count(poolPagesMax)),
    row('different slots given out', ({ distinctSlots }) => count(distinctSlots)),
    row('pages written', ({ counts }) => count(counts.writes)),
    row('pages read', ({ counts }) => count(counts.reads)),
    row('slots freed', ({ counts }) => count(counts.frees)),
    row('live, off the kernel (p95)', ({ liveVsSamples }) =>
      liveVsSamples === null ? '-' : `${count(liveVsSamples.p95)} slots`,
    ),
    row('data, off the kernel (p95)', ({ comprVsSamples }) =>
      comprVsSamples === null ? '-' : `${(comprVsSamples.p95Relative * 100).toFixed(1)} %`,
    ),
    row('telling the device of a free', ({ freeCost }) =>
      freeCost.usPerSlot === null ? '-' : `${freeCost.usPerSlot.toFixed(2)} us`,
    ),
    row('rows per second', ({ ops, seconds }) => (seconds > 0 ? count(Math.round(ops / seconds)) : '-')),
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

/** The first sentences of the checks of each policy. */
function errors({ policies, profile }: ReplayDocument): string[] {
  return policies.flatMap(({ policy, reports, suspects }) => {
    const shown = reports.slice(0, REPORTS_MAX).map((report) => `${policy}: ${report}`);
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

function secondsText(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toPrecision(3)} ms` : `${seconds.toFixed(2)} s`;
}

function kibibytes(bytes: number): string {
  return `${count(Math.ceil(bytes / 1024))} KiB`;
}
