/**
 * The curves of a run: slots and memory of each policy in small charts on one scale, and the stored bytes of all
 * policies in one.
 */
import type { PolicyResult, RunDocument, Sample, SlotCounts } from '../../run/document.js';
import {
  drawChart,
  scaleFor,
  type Chart,
  type ChartSize,
  type Curve,
  type LabelRoom,
  type PhaseSpan,
  type Point,
  type Scale,
} from './chart.js';
import { exactSamples, heldBytes, isExact } from './facts.js';
import { markup, type Markup } from './markup.js';
import { byteText, byteUnit, count, listText } from './numbers.js';
import { phaseMeaning, policyClass, policyMeaning } from './words.js';

const TILE_HEIGHT = 192;
const TILE: ChartSize = { style: 'at-any', width: 340, height: TILE_HEIGHT };
// With one or two policies a small chart would be blown up on a wide page, letters and all.
const TILE_ON_SMALL: ChartSize = { ...TILE, style: 'at-most-medium' };
const TILE_ON_LARGE: ChartSize = { style: 'at-large', width: 640, height: 300 };
const WIDE_TILE_POLICIES = 2;

const OVERLAY: readonly ChartSize[] = [
  { style: 'at-small', width: 340, height: 280 },
  { style: 'at-medium', width: 700, height: 320 },
  { style: 'at-large', width: 1240, height: 420 },
];
/** Narrower charts have no room for bytes behind the names of policies. */
const OVERLAY_FIGURES_WIDTH = 500;
/** Where lines lie on each other, each shows itself in dashes of this length, in turns. */
const STRIPE = 7;

/** A kind of numbers over time. */
interface Quantity {
  readonly style: string;
  readonly name: string;
  readonly filled: boolean;
  readonly properties: string;
  readonly value: (counts: SlotCounts) => number;
}

const SLOTS: readonly Quantity[] = [
  { style: 'stale', name: 'stale', filled: true, properties: '', value: (counts) => counts.stale },
  { style: 'live', name: 'live', filled: false, properties: '', value: (counts) => counts.live },
  { style: 'stored', name: 'stored', filled: false, properties: '', value: (counts) => counts.stored },
];
const MEMORY: readonly Quantity[] = [
  { style: 'pool', name: 'pool', filled: false, properties: '', value: heldBytes },
  { style: 'data', name: 'data', filled: false, properties: '', value: (counts) => counts.comprBytes },
];

/** A sample and where it stands among the checkpoints of its policy. */
interface PlacedSample {
  readonly position: number;
  readonly sample: Sample;
}

/**
 * Finds where samples stand on an axis of checkpoints: exact ones on whole numbers from 1 on, the others between two
 * of them in proportion to the time. What was seen after the last checkpoint is left out.
 *
 * @param samples - of one policy, in any order
 */
export function placeSamples(samples: readonly Sample[]): PlacedSample[] {
  const sorted = [...samples].sort((a, b) => a.t - b.t || Number(a.quiescent) - Number(b.quiescent));
  const exact = sorted.filter((sample) => sample.quiescent);
  const placed: PlacedSample[] = [];
  let passed = 0;
  for (const sample of sorted) {
    if (sample.quiescent) {
      placed.push({ position: ++passed, sample });
      continue;
    }
    const next = exact[passed];
    if (next === undefined) break;
    const from = exact[passed - 1]?.t ?? 0;
    const share = next.t > from ? (sample.t - from) / (next.t - from) : 0;
    placed.push({ position: passed + Math.max(0, share), sample });
  }
  return placed;
}

/**
 * The phases that exact samples passed through.
 *
 * @param exact - in order of time
 */
export function phaseSpans(exact: readonly Sample[]): PhaseSpan[] {
  const spans: PhaseSpan[] = [];
  for (const [index, { phase }] of exact.entries()) {
    const last = spans.at(-1);
    if (last?.name === phase) spans[spans.length - 1] = { ...last, to: index + 1 };
    else spans.push({ name: phase, from: index, to: index + 1 });
  }
  return spans;
}

/** The list of phases with their numbers and what is done in them; null when there are none. */
export function phaseList(document: RunDocument): Markup | null {
  const spans = phaseSpans(longest(document));
  if (spans.length === 0) return null;
  return markup`<ol class="phases">${spans.map(({ name }) => markup`<li><b>${name}</b> ${phaseMeaning(name)}</li>`)}</ol>`;
}

/** The exact samples of the policy that has the most of them. */
function longest(document: RunDocument): Sample[] {
  return document.policies.map(exactSamples).sort((a, b) => b.length - a.length)[0] ?? [];
}

/**
 * Stored bytes of all policies in one chart.
 *
 * @param document - with at least one policy
 */
export function overlay(document: RunDocument): Markup {
  const { policies } = document;
  const exact = longest(document);
  if (exact.length === 0) return noSamples();
  const value = (counts: SlotCounts): number => counts.comprBytes;
  const scale = byteScale(largest(policies, [value]));
  const chart: Chart = {
    id: 'overlay',
    kind: 'overlay',
    policy: '',
    title: 'Compressed bytes that the devices store, under each policy',
    description: policies
      .map(({ policy, samples, final }) => {
        const most = samples.reduce((top, sample) => Math.max(top, value(sample)), 0);
        return `${policy}: at most ${byteText(most)}, ${byteText(value(final))} after the run.`;
      })
      .join(' '),
    curves: policies.map((result, index) =>
      curveOf(
        result,
        {
          style: policyClass(result.policy),
          name: result.policy,
          filled: false,
          properties: stripes(policies, index),
          value,
        },
        byteText,
      ),
    ),
    phases: phaseSpans(exact),
    checkpoints: exact.length,
    seconds: [],
    scale,
    room: {
      left: tickRoom(scale),
      right: endRoom(
        policies,
        policies.map((result) => result.policy),
        [value],
        byteText,
      ),
    },
  };
  const sizes = OVERLAY.map((size) =>
    drawChart(size.width < OVERLAY_FIGURES_WIDTH ? withoutFigures(chart) : chart, size),
  );
  return markup`<figure class="overlay">${sizes}${coincidence(policies)}${overlayTable(policies)}</figure>`;
}

function withoutFigures(chart: Chart): Chart {
  return {
    ...chart,
    curves: chart.curves.map((curve) => ({ ...curve, endText: '' })),
    room: { ...chart.room, right: Math.max(...chart.curves.map((curve) => curve.name.length)) },
  };
}

/** The lines of exact policies lie on each other: the first is whole, the others put their dashes on it in turns. */
function stripes(policies: readonly PolicyResult[], index: number): string {
  const result = policies[index];
  const exact = policies.filter(isExact);
  if (result === undefined || exact.length < 2 || !isExact(result)) return '';
  const turn = exact.indexOf(result);
  if (turn === 0) return '--dash:none';
  return `--dash:${String(STRIPE)} ${String(STRIPE * (exact.length - 1))};--shift:${String(-STRIPE * turn)}`;
}

function tickRoom(scale: Scale): number {
  return Math.max(...scale.ticks.map(({ text }) => text.length));
}

/** Characters of the longest label at the end of a line. */
function endRoom(
  policies: readonly PolicyResult[],
  names: readonly string[],
  values: readonly ((counts: SlotCounts) => number)[],
  text: (value: number) => string,
): number {
  const name = Math.max(...names.map((each) => each.length));
  const figures = policies.flatMap(({ final }) => values.map((value) => text(value(final)).length));
  return name + 1 + Math.max(...figures);
}

/** Says which lines of the overlay lie on each other. */
function coincidence(policies: readonly PolicyResult[]): Markup {
  const exact = policies.filter(isExact).map(({ policy }) => policy);
  const text =
    exact.length < 2
      ? ''
      : `${listText(exact)} keep only what is in use, so that their lines lie on one another: each shows its colour in turns.`;
  return markup`<figcaption>${text}</figcaption>`;
}

function overlayTable(policies: readonly PolicyResult[]): Markup {
  const exact = policies.map(exactSamples);
  const phases = [...exact].sort((a, b) => b.length - a.length)[0] ?? [];
  return details(
    'Numbers behind this chart',
    'Compressed bytes at each checkpoint',
    markup`<thead><tr><th scope="col">checkpoint</th><th scope="col" class="word">phase</th>${policies.map(({ policy }) => markup`<th scope="col">${policy}</th>`)}</tr></thead>
<tbody>${phases.map(
      (
        { phase },
        index,
      ) => markup`<tr><th scope="row">${index + 1}</th><td class="word">${phase}</td>${exact.map(
        (samples) => {
          const sample = samples[index];
          return markup`<td>${sample === undefined ? '–' : byteText(sample.comprBytes)}</td>`;
        },
      )}</tr>
`,
    )}<tr><th scope="row">end</th><td class="word">all exited</td>${policies.map(({ final }) => markup`<td>${byteText(final.comprBytes)}</td>`)}</tr></tbody>`,
  );
}

/**
 * A pair of small charts for each policy, all on one scale.
 *
 * @param document - with at least one policy
 */
export function smallMultiples(document: RunDocument): Markup {
  const { policies } = document;
  const checkpoints = longest(document).length;
  const slotScale = scaleFor(
    largest(
      policies,
      SLOTS.map((quantity) => quantity.value),
    ),
    1,
    (units) => (Number.isInteger(units) ? count(units) : ''),
  );
  const memoryScale = byteScale(
    largest(
      policies,
      MEMORY.map((quantity) => quantity.value),
    ),
  );
  const valuesOf = (quantities: readonly Quantity[]): ((counts: SlotCounts) => number)[] =>
    quantities.map((quantity) => quantity.value);
  const namesOf = (quantities: readonly Quantity[]): string[] => quantities.map((quantity) => quantity.name);
  // The same for all charts, so that what is above one another happened at the same checkpoint.
  const room: LabelRoom = {
    left: Math.max(tickRoom(slotScale), tickRoom(memoryScale)),
    right: Math.max(
      endRoom(policies, namesOf(SLOTS), valuesOf(SLOTS), count),
      endRoom(policies, namesOf(MEMORY), valuesOf(MEMORY), byteText),
    ),
  };
  const sizes = policies.length <= WIDE_TILE_POLICIES ? [TILE_ON_SMALL, TILE_ON_LARGE] : [TILE];
  const tiles = policies.map((result, index) => {
    const { policy } = result;
    const exact = exactSamples(result);
    const shared = {
      policy,
      phases: phaseSpans(exact),
      checkpoints,
      seconds: exact.map((sample) => sample.t),
    };
    const draw = (
      kind: string,
      what: string,
      quantities: readonly Quantity[],
      scale: Scale,
      text: (value: number) => string,
    ): Markup => {
      const chart: Chart = {
        ...shared,
        id: `${kind}-${String(index)}`,
        kind,
        title: `${what} under ${policy}`,
        description: describe(result, quantities, text),
        curves: quantities.map((quantity) => curveOf(result, quantity, text)),
        scale,
        room,
      };
      return markup`<p class="what">${what}</p>${sizes.map((size) => drawChart(chart, size))}`;
    };
    return markup`<figure class="tile"><figcaption><h3>${policyKey(policy)}${policy}</h3><p>${policyMeaning(policy)}</p></figcaption>
${exact.length === 0 ? noSamples() : [draw('slots', 'Slots', SLOTS, slotScale, count), draw('memory', 'Memory', MEMORY, memoryScale, byteText), tileTable(result)]}</figure>
`;
  });
  return markup`<div class="tiles tiles-${Math.min(policies.length, 4)}">${tiles}</div>`;
}

/** The little square in the colour of a policy. */
export function policyKey(policy: string): Markup {
  return markup`<i class="key ${policyClass(policy)}"></i>`;
}

function noSamples(): Markup {
  return markup`<p class="missing">There are no samples of this: no curve can be drawn.</p>`;
}

function largest(
  policies: readonly PolicyResult[],
  values: readonly ((counts: SlotCounts) => number)[],
): number {
  let most = 0;
  for (const { samples, final } of policies) {
    for (const value of values) {
      most = Math.max(most, value(final));
      for (const sample of samples) most = Math.max(most, value(sample));
    }
  }
  return most;
}

function byteScale(most: number): Scale {
  const unit = byteUnit(most);
  return scaleFor(most, unit.bytes, (units) => (units === 0 ? '0' : `${count(units)} ${unit.name}`));
}

function curveOf(result: PolicyResult, quantity: Quantity, text: (value: number) => string): Curve {
  const placed = placeSamples(result.samples);
  const point = ({ position, sample }: PlacedSample): Point => ({ x: position, y: quantity.value(sample) });
  const end = quantity.value(result.final);
  return {
    style: quantity.style,
    name: quantity.name,
    filled: quantity.filled,
    properties: quantity.properties,
    points: placed.map(point),
    dots: placed.filter(({ sample }) => sample.quiescent).map(point),
    end,
    endText: text(end),
  };
}

function describe(
  result: PolicyResult,
  quantities: readonly Quantity[],
  text: (value: number) => string,
): string {
  const exact = exactSamples(result);
  return quantities
    .map(({ name, value }) => {
      const most = exact.reduce((top, sample) => Math.max(top, value(sample)), 0);
      return `${name}: at most ${text(most)} at a checkpoint, ${text(value(result.final))} after all processes had exited.`;
    })
    .join(' ');
}

function tileTable(result: PolicyResult): Markup {
  const row = (first: string | number, phase: string, time: string, counts: SlotCounts): Markup =>
    markup`<tr><th scope="row">${first}</th><td class="word">${phase}</td><td>${time}</td><td>${count(counts.live)}</td><td>${count(counts.stored)}</td><td>${count(counts.stale)}</td><td>${byteText(counts.comprBytes)}</td><td>${byteText(heldBytes(counts))}</td></tr>
`;
  return details(
    'Numbers behind these charts',
    `Slots and memory under ${result.policy} at each checkpoint`,
    markup`<thead><tr><th scope="col">checkpoint</th><th scope="col" class="word">phase</th><th scope="col">time</th><th scope="col">live</th><th scope="col">stored</th><th scope="col">stale</th><th scope="col">data</th><th scope="col">pool</th></tr></thead>
<tbody>${exactSamples(result).map((sample, index) => row(index + 1, sample.phase, `${sample.t.toFixed(2)} s`, sample))}${row('end', 'all exited', '', result.final)}</tbody>`,
  );
}

/**
 * A table that is folded away; it scrolls by itself where the page is narrow.
 *
 * @param summary - what is seen when it is folded
 * @param name - what the table shows
 * @param rows - head and bodies
 */
export function details(summary: string, name: string, rows: Markup): Markup {
  return markup`<details><summary>${summary}</summary><div class="scroll" tabindex="0" role="region" aria-label="${name}"><table class="numbers"><caption>${name}</caption>${rows}</table></div></details>`;
}
