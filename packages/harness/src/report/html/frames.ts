/**
 * Who has the page frames: one chart for each policy, in which the bands lie on one another and make up the whole RAM, with the moments at which
 * processes were killed.
 */
import { PAGE_BYTES } from '../../pages/generate.js';
import type { PolicyResult, RunDocument, Sample } from '../../run/document.js';
import { stalePages } from '../../scenarios/frames-story.js';
import {
  drawChart,
  scaleFor,
  type Chart,
  type ChartMark,
  type ChartSize,
  type Curve,
  type Point,
} from './chart.js';
import { details, phaseSpans, placeSamples, policyKey } from './curves.js';
import { exactSamples } from './facts.js';
import { markup, type Markup } from './markup.js';
import { byteText, byteUnit, count, plural } from './numbers.js';

const SIZE: ChartSize = { style: 'at-any', width: 340, height: 210 };
const SIZE_ON_SMALL: ChartSize = { ...SIZE, style: 'at-most-medium' };
const SIZE_ON_LARGE: ChartSize = { style: 'at-large', width: 640, height: 300 };
/** With so few policies a small chart would be blown up on a wide page. */
const WIDE_POLICIES = 2;

/** Page frames at one moment, by who has them. */
interface FrameShares {
  readonly resident: number;
  readonly live: number;
  readonly stale: number;
  readonly free: number;
}

/** One band of a chart. */
interface Band {
  readonly style: string;
  readonly name: string;
  readonly meaning: string;
  readonly value: (shares: FrameShares) => number;
}

/** From the bottom up. */
const BANDS: readonly Band[] = [
  {
    style: 'resident',
    name: 'processes',
    meaning: 'pages of processes, and copies in the swap cache',
    value: ({ resident }) => resident,
  },
  {
    style: 'held',
    name: 'in use',
    meaning: 'frames of the devices for slots that somebody needs',
    value: ({ live }) => live,
  },
  {
    style: 'wasted',
    name: 'stale',
    meaning: 'frames of the devices for freed slots, in proportion to their number',
    value: ({ stale }) => stale,
  },
  { style: 'unused', name: 'free', meaning: 'frames that nobody has', value: ({ free }) => free },
];

/**
 * The charts; null when no sample says who has the frames.
 *
 * @param document - of a run
 */
export function frameCharts(document: RunDocument): Markup | null {
  const shown = document.policies.filter((result) => countedSamples(result).length > 0);
  if (shown.length === 0) return null;
  const frames = document.options.ram / PAGE_BYTES;
  const sizes = shown.length <= WIDE_POLICIES ? [SIZE_ON_SMALL, SIZE_ON_LARGE] : [SIZE];
  // The same for all charts, so that what is above or beside one another happened at the same checkpoint.
  const rooms = shown.map((result, index) => frameChart(result, index, frames).room);
  const room = {
    left: Math.max(...rooms.map(({ left }) => left)),
    right: Math.max(...rooms.map(({ right }) => right)),
  };
  const drawn = shown.map((result, index) => {
    const chart = { ...frameChart(result, index, frames), room };
    return markup`<figure class="tile short"><figcaption><h3>${policyKey(result.policy)}${result.policy}</h3><p>${killText(result)}</p></figcaption>
<div>${sizes.map((size) => drawChart(chart, size))}</div>
${numbersTable(result)}</figure>
`;
  });
  return markup`<dl class="legend">${BANDS.map(({ style, name, meaning }) => markup`<div><dt>${bandSample(style)}${name}</dt><dd>${meaning}</dd></div>`)}</dl>
<div class="tiles tiles-${Math.min(shown.length, 4)}">${drawn}</div>`;
}

function bandSample(style: string): Markup {
  return markup`<svg class="sample" viewBox="0 0 34 12" aria-hidden="true"><g class="curve ${style}"><path class="area ${style} band" d="M1 1H33V12H1Z"/></g></svg>`;
}

function killText({ vm, firstKill }: PolicyResult): string {
  if (vm.kills === 0) return 'No process was killed.';
  const when = firstKill === null ? '' : `, the first one after ${firstKill.t.toFixed(2)} s`;
  return `${plural(vm.kills, 'process was', 'processes were')} killed${when}.`;
}

/** The samples that say who has the frames. A document may come from a version that did not ask. */
function countedSamples({ samples }: PolicyResult): Sample[] {
  return samples.filter(
    ({ freeFrames, residentPages }) => freeFrames !== undefined && residentPages !== undefined,
  );
}

function sharesOf(sample: Sample): FrameShares {
  const stale = stalePages(sample);
  return {
    resident: sample.residentPages ?? 0,
    live: sample.poolPages - stale,
    stale,
    free: sample.freeFrames ?? 0,
  };
}

function frameChart(result: PolicyResult, index: number, frames: number): Chart {
  const unit = byteUnit(frames * PAGE_BYTES);
  const scale = scaleFor(frames * PAGE_BYTES, unit.bytes, (units) =>
    units === 0 ? '0' : `${count(units)} ${unit.name}`,
  );
  const exact = exactSamples(result);
  const curves = bandCurves(result, frames);
  return {
    id: `frames-${String(index)}`,
    kind: 'frames',
    policy: result.policy,
    title: `Who has the RAM under ${result.policy}`,
    description: `${descriptionOf(result)} ${killText(result)}`,
    curves,
    phases: phaseSpans(exact),
    checkpoints: exact.length,
    seconds: exact.map(({ t }) => t),
    scale,
    room: {
      left: Math.max(...scale.ticks.map(({ text }) => text.length)),
      right: Math.max(...curves.map(({ name, endText }) => name.length + 2 + endText.length)),
    },
    marks: killMarks(result),
  };
}

/** Each band lies on those before it; the last one reaches up to what all frames are. */
function bandCurves(result: PolicyResult, frames: number): Curve[] {
  const placed = placeSamples(countedSamples(result));
  const stack = (shares: FrameShares): number[] => {
    let sum = 0;
    return BANDS.map(({ value }) => (sum = Math.min(frames, sum + value(shares))));
  };
  const points = placed.map(({ position, sample }) => ({ x: position, tops: stack(sharesOf(sample)) }));
  const { final } = result;
  const stale = stalePages(final);
  const atEnd = { resident: 0, live: final.poolPages - stale, stale, free: frames - final.poolPages };
  const topsAtEnd = stack(atEnd);
  const pointsOf = (band: number): Point[] =>
    points.map(({ x, tops }) => ({ x, y: (tops[band] ?? 0) * PAGE_BYTES }));
  return BANDS.map(({ style, name, value }, band) => ({
    style,
    name,
    filled: true,
    properties: '',
    points: pointsOf(band),
    dots: [],
    end: (topsAtEnd[band] ?? 0) * PAGE_BYTES,
    endText: byteText(value(atEnd) * PAGE_BYTES),
    ...(band === 0 ? {} : { floor: pointsOf(band - 1) }),
  }));
}

/** The first kill by name, and each later sample that has seen more of them. */
function killMarks(result: PolicyResult): ChartMark[] {
  const marks: ChartMark[] = [];
  let seen = 0;
  for (const { position, sample } of placeSamples(result.samples)) {
    const kills = sample.kills ?? 0;
    if (kills > seen) marks.push({ x: position, text: seen === 0 ? 'first kill' : '' });
    seen = Math.max(seen, kills);
  }
  return marks;
}

function descriptionOf(result: PolicyResult): string {
  const exact = exactSamples(result).map(sharesOf);
  return BANDS.map(({ name, value }) => {
    const values = exact.map(value);
    return `${name}: from ${byteText(Math.min(...values) * PAGE_BYTES)} to ${byteText(Math.max(...values) * PAGE_BYTES)} at the checkpoints.`;
  }).join(' ');
}

function numbersTable(result: PolicyResult): Markup {
  return details(
    'Numbers behind this chart',
    `Page frames under ${result.policy} at each checkpoint`,
    markup`<thead><tr><th scope="col">checkpoint</th><th scope="col" class="word">phase</th>${BANDS.map(({ name }) => markup`<th scope="col">${name}</th>`)}<th scope="col">killed so far</th></tr></thead>
<tbody>${exactSamples(result).map((sample, index) => {
      const shares = sharesOf(sample);
      return markup`<tr><th scope="row">${index + 1}</th><td class="word">${sample.phase}</td>${BANDS.map(({ value }) => markup`<td>${count(value(shares))}</td>`)}<td>${count(sample.kills ?? 0)}</td></tr>
`;
    })}</tbody>`,
  );
}
