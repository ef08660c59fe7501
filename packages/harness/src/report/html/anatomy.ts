/**
 * The inside of the pools: how many pages they hold, how many would do, and why the others stay.
 */
import { fragmentation, PINNING_BYTES_MAX, type AnatomyCounts } from '@swaplab/ramzswap';

import { PAGE_BYTES } from '../../pages/generate.js';
import type { AnatomyResult, PolicyResult, RunDocument } from '../../run/document.js';
import { drawChart, scaleFor, type Chart, type ChartSize, type Curve, type Scale } from './chart.js';
import { details, phaseSpans, policyKey } from './curves.js';
import { exactSamples } from './facts.js';
import { markup, type Markup } from './markup.js';
import { byteText, count, percentText, plural } from './numbers.js';

const SIZE: ChartSize = { style: 'at-any', width: 340, height: 192 };
const SIZE_ON_SMALL: ChartSize = { ...SIZE, style: 'at-most-medium' };
const SIZE_ON_LARGE: ChartSize = { style: 'at-large', width: 640, height: 260 };
/** With so few policies a small chart would be blown up on a wide page. */
const WIDE_POLICIES = 2;

/** One line of a chart, in pages. */
interface PageLine {
  readonly style: string;
  readonly name: string;
  readonly meaning: string;
  readonly filled: boolean;
  readonly value: (counts: AnatomyCounts) => number;
}

const LINES: readonly PageLine[] = [
  {
    style: 'pinned',
    name: 'pinned',
    meaning: `pages that stay because of one object of at most ${count(PINNING_BYTES_MAX)} bytes`,
    filled: true,
    value: (counts) => counts.pinnedPages,
  },
  {
    style: 'data',
    name: 'needed',
    meaning: 'pages that would do if objects could be moved together',
    filled: false,
    value: (counts) => counts.packedPages,
  },
  {
    style: 'stale',
    name: 'stale',
    meaning: 'pages that stay because of stale slots only',
    filled: false,
    value: (counts) => counts.stalePages,
  },
  {
    style: 'pool',
    name: 'pool',
    meaning: 'pages that the pools hold',
    filled: false,
    value: (counts) => counts.poolPages,
  },
];

/** A policy whose pools were looked at. */
interface Inside {
  readonly result: PolicyResult;
  readonly anatomy: AnatomyResult;
}

/** The moment at which a pool held the most pages beyond what is needed. */
interface WorstMoment extends Inside {
  /** Checkpoint, from 1 on. */
  readonly checkpoint: number;
  readonly counts: AnatomyCounts;
}

/**
 * The section about the pools; null when no policy has looked into them.
 *
 * @param document - of the run; it may come from a version that did not look
 */
export function poolSection(document: RunDocument): Markup | null {
  const insides = document.policies.flatMap((result): Inside[] => {
    const anatomy = (result as Partial<PolicyResult>).anatomy ?? null;
    return anatomy === null || exactSamples(result).length === 0 ? [] : [{ result, anatomy }];
  });
  if (insides.length === 0) return null;
  return markup`<section aria-labelledby="h-pools"><h2 id="h-pools">Inside the pools</h2>
<p class="lead">${poolParagraph(insides)}</p>
<dl class="legend">${LINES.map(({ style, name, meaning, filled }) => markup`<div><dt>${lineSample(style, filled)}${name}</dt><dd>${meaning}</dd></div>`)}</dl>
${tiles(insides)}
${fillTable(insides)}
${exampleList(insides)}
</section>`;
}

/** A short piece of a line, as it looks in the charts. */
function lineSample(style: string, filled: boolean): Markup {
  const area = filled ? markup`<path class="area ${style}" d="M1 6H33V12H1Z"/>` : null;
  return markup`<svg class="sample" viewBox="0 0 34 12" aria-hidden="true"><g class="curve ${style}">${area}<path class="line" d="M1 6H33"/></g></svg>`;
}

/** What was seen, in sentences. */
function poolParagraph(insides: readonly Inside[]): string {
  const said = [
    'The allocator of the device never moves an object, and gives a page back only when it is wholly empty: ' +
      'so memory shrinks later than the data in it.',
  ];
  const worst = insides.map(worstMoment).sort((a, b) => excess(b.counts) - excess(a.counts))[0];
  if (worst === undefined || excess(worst.counts) <= 0) {
    said.push('In this run no pool held more pages at a checkpoint than its data needed.');
    return said.join(' ');
  }
  const { counts, checkpoint, result } = worst;
  const bytes = counts.dataBytes + counts.freeBytes + counts.lostBytes;
  said.push(
    `It was furthest behind under ${result.policy} at checkpoint ${count(checkpoint)}${phaseText(worst)}: ` +
      `${plural(counts.poolPages, 'page')} where ${count(counts.packedPages)} would do, ` +
      `${count(counts.pinnedPages)} of them kept by a single object of at most ${count(PINNING_BYTES_MAX)} bytes.`,
    `Of their bytes ${percentText(counts.dataBytes / bytes)} were data, ${percentText(counts.freeBytes / bytes)} free ` +
      `and ${percentText(counts.lostBytes / bytes)} lost to headers and rounding; ` +
      `the largest free block had ${plural(counts.largestFreeBytes, 'byte')}.`,
  );
  for (const {
    result: { policy },
    anatomy,
  } of insides) {
    const { poolPages, stalePages } = anatomy.final;
    if (stalePages === 0) continue;
    said.push(
      `Under ${policy} ${plural(poolPages, 'page')} ${poolPages === 1 ? 'was' : 'were'} left after the last process had exited, ` +
        `${stalePages === poolPages ? 'all' : count(stalePages)} because of stale slots only.`,
    );
  }
  return said.join(' ');
}

function phaseText({ result, checkpoint }: WorstMoment): string {
  const phase = exactSamples(result)[checkpoint - 1]?.phase;
  return phase === undefined ? '' : ` (${phase})`;
}

function worstMoment(inside: Inside): WorstMoment {
  let worst = { checkpoint: 1, counts: inside.anatomy.checkpoints[0] ?? inside.anatomy.final };
  for (const [index, counts] of inside.anatomy.checkpoints.entries())
    if (excess(counts) > excess(worst.counts)) worst = { checkpoint: index + 1, counts };
  return { ...inside, ...worst };
}

/** Pages that could be given back if objects could be moved. */
function excess({ poolPages, packedPages }: AnatomyCounts): number {
  return poolPages - packedPages;
}

function tiles(insides: readonly Inside[]): Markup {
  const all = insides.flatMap(({ anatomy }) => [...anatomy.checkpoints, anatomy.final]);
  const most = all.reduce((top, counts) => Math.max(top, ...LINES.map(({ value }) => value(counts))), 0);
  const scale = scaleFor(most, 1, (units) => (Number.isInteger(units) ? count(units) : ''));
  const checkpoints = Math.max(...insides.map(({ anatomy }) => anatomy.checkpoints.length));
  const sizes = insides.length <= WIDE_POLICIES ? [SIZE_ON_SMALL, SIZE_ON_LARGE] : [SIZE];
  const drawn = insides.map((inside, index) => {
    const chart = pageChart(inside, index, { scale, checkpoints, insides });
    const { policy } = inside.result;
    return markup`<figure class="tile short"><figcaption><h3>${policyKey(policy)}${policy}</h3></figcaption>
<div>${sizes.map((size) => drawChart(chart, size))}</div>
${numbersTable(inside)}</figure>
`;
  });
  return markup`<div class="tiles tiles-${Math.min(insides.length, 4)}">${drawn}</div>`;
}

function pageChart(
  { result, anatomy }: Inside,
  index: number,
  shared: { readonly scale: Scale; readonly checkpoints: number; readonly insides: readonly Inside[] },
): Chart {
  const { scale, checkpoints, insides } = shared;
  const names = LINES.map(({ name }) => name.length);
  const figures = insides.flatMap((inside) =>
    LINES.map(({ value }) => count(value(inside.anatomy.final)).length),
  );
  return {
    id: `pages-${String(index)}`,
    kind: 'pages',
    policy: result.policy,
    title: `Pages of the pools under ${result.policy}`,
    description: LINES.map(({ name, value }) => {
      const top = anatomy.checkpoints.reduce((most, counts) => Math.max(most, value(counts)), 0);
      return `${name}: at most ${count(top)} at a checkpoint, ${count(value(anatomy.final))} after all processes had exited.`;
    }).join(' '),
    curves: LINES.map((line) => pageCurve(anatomy, line)),
    phases: phaseSpans(exactSamples(result)),
    checkpoints,
    seconds: [],
    scale,
    room: {
      left: Math.max(...scale.ticks.map(({ text }) => text.length)),
      // Two for the names, which are bold.
      right: Math.max(...names) + 2 + Math.max(...figures),
    },
  };
}

function pageCurve(anatomy: AnatomyResult, { style, name, filled, value }: PageLine): Curve {
  const points = anatomy.checkpoints.map((counts, index) => ({ x: index + 1, y: value(counts) }));
  const end = value(anatomy.final);
  return { style, name, filled, properties: '', points, dots: points, end, endText: count(end) };
}

function numbersTable({ result, anatomy }: Inside): Markup {
  const phases = exactSamples(result);
  const row = (first: string | number, phase: string, counts: AnatomyCounts): Markup =>
    markup`<tr><th scope="row">${first}</th><td class="word">${phase}</td><td>${count(counts.poolPages)}</td><td>${count(counts.packedPages)}</td><td>${percentText(Math.max(0, fragmentation(counts)))}</td><td>${count(counts.pinnedPages)}</td><td>${count(counts.stalePages)}</td><td>${count(counts.emptyPages)}</td><td>${count(counts.rawPages)}</td><td>${byteText(counts.dataBytes)}</td><td>${byteText(counts.freeBytes)}</td><td>${byteText(counts.lostBytes)}</td><td>${count(counts.largestFreeBytes)}</td></tr>
`;
  return details(
    'Numbers behind this chart',
    `Pages of the pools under ${result.policy} at each checkpoint`,
    markup`<thead><tr><th scope="col">checkpoint</th><th scope="col" class="word">phase</th><th scope="col">pool</th><th scope="col">needed</th><th scope="col">fragmentation</th><th scope="col">pinned</th><th scope="col">stale</th><th scope="col">empty</th><th scope="col">raw, beside the pool</th><th scope="col">data</th><th scope="col">free</th><th scope="col">lost</th><th scope="col">largest free block</th></tr></thead>
<tbody>${anatomy.checkpoints.map((counts, index) => row(index + 1, phases[index]?.phase ?? '', counts))}${row('end', 'all exited', anatomy.final)}</tbody>`,
  );
}

/** Two histograms at the worst moment of each policy: how full its pages are, and how large its free blocks. */
function fillTable(insides: readonly Inside[]): Markup {
  const worst = insides.map(worstMoment);
  const head = (first: string): Markup =>
    markup`<tr><th scope="col" class="word">${first}</th>${worst.map(({ result, checkpoint }) => markup`<th scope="col">${result.policy}, checkpoint ${checkpoint}</th>`)}</tr>`;
  const rows = (
    bins: (counts: AnatomyCounts) => readonly number[],
    label: (bin: number, of: number) => string,
    text: (value: number) => string,
  ): Markup[] => {
    const columns = worst.map(({ counts }) => bins(counts));
    const most = Math.max(...columns.map((column) => column.length));
    return Array.from(
      { length: most },
      (_, bin) =>
        markup`<tr><th scope="row" class="word">${label(bin, most)}</th>${columns.map((column) => markup`<td>${text(column[bin] ?? 0)}</td>`)}</tr>
`,
    );
  };
  const share = (bin: number, of: number): string =>
    `${String((bin * 100) / of)} to ${String(((bin + 1) * 100) / of)} % of the page`;
  const size = (bin: number, of: number): string =>
    `${count((bin * PAGE_BYTES) / of)} to ${count(((bin + 1) * PAGE_BYTES) / of)} bytes`;
  return details(
    'How full the pages were, and how large their free blocks, when each pool was furthest behind',
    'Pages by the data in them, and free bytes by the size of their block',
    markup`<thead>${head('pages with data in')}</thead><tbody>${rows((counts) => counts.fill, share, count)}</tbody>
<tbody>${head('free bytes in blocks of')}${rows((counts) => counts.freeBySize, size, byteText)}</tbody>`,
  );
}

function exampleList(insides: readonly Inside[]): Markup | null {
  const found = insides.filter(({ anatomy }) => anatomy.examples.length > 0);
  if (found.length === 0) return null;
  return markup`<details><summary>Why some of these pages were not given back</summary><ul class="examples">${found.flatMap(({ result, anatomy }) => anatomy.examples.map((example) => markup`<li><b>${result.policy}</b> ${example}</li>`))}</ul></details>`;
}
