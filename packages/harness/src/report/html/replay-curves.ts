/**
 * The curves of a replay over the time of the trace: slots and memory under each policy, and what the real kernel's device held meanwhile.
 */
import type {
  ReplayDocument,
  ReplayKernelSample,
  ReplayPolicyResult,
  ReplaySample,
} from '../../replay/document.js';
import {
  drawChart,
  scaleFor,
  type AxisTick,
  type Chart,
  type ChartSize,
  type Curve,
  type PhaseSpan,
  type Point,
  type Scale,
} from './chart.js';
import { details, policyKey } from './curves.js';
import { markup, type Markup } from './markup.js';
import { byteText, byteUnit, count } from './numbers.js';
import { policyClass, policyMeaning } from './words.js';

const PAGE_BYTES = 4096;
/** Units of the x axis: the whole time of the replay. */
const AXIS = 100;
const TICKS = 4;
/** Rows of the table behind a chart. */
const TABLE_ROWS = 25;

const TILE: ChartSize = { style: 'at-any', width: 340, height: 210 };
const TILE_ON_SMALL: ChartSize = { ...TILE, style: 'at-most-medium' };
const TILE_ON_LARGE: ChartSize = { style: 'at-large', width: 640, height: 300 };
/** With so few policies a small chart would be blown up on a wide page. */
const WIDE_TILE_POLICIES = 2;
const OVERLAY: readonly ChartSize[] = [
  { style: 'at-small', width: 340, height: 280 },
  { style: 'at-medium', width: 700, height: 320 },
  { style: 'at-large', width: 1240, height: 420 },
];
/** Narrower charts have no room for bytes behind names. */
const FIGURES_WIDTH = 500;
/** Where lines lie on each other, each shows itself in dashes of this length, in turns. */
const STRIPE = 7;

/** Numbers over time, of ours or of the kernel. */
interface Quantity {
  readonly style: string;
  readonly name: string;
  readonly filled?: true;
  readonly ours?: (sample: ReplaySample) => number;
  readonly kernel?: (sample: ReplayKernelSample) => number | null;
  readonly end: (result: ReplayPolicyResult) => number | null;
}

const SLOTS: readonly Quantity[] = [
  {
    style: 'stale',
    name: 'stale',
    filled: true,
    ours: ({ stale }) => stale,
    end: ({ final }) => final.stale,
  },
  { style: 'live', name: 'live', ours: ({ live }) => live, end: ({ final }) => final.live },
  { style: 'stored', name: 'stored', ours: ({ stored }) => stored, end: ({ final }) => final.stored },
  { style: 'kernel', name: 'kernel live', kernel: ({ live }) => live, end: () => null },
];
const MEMORY: readonly Quantity[] = [
  {
    style: 'pool',
    name: 'pool',
    ours: ({ poolPages }) => poolPages * PAGE_BYTES,
    end: ({ final }) => final.poolPages * PAGE_BYTES,
  },
  { style: 'data', name: 'data', ours: ({ comprBytes }) => comprBytes, end: ({ final }) => final.comprBytes },
  { style: 'kernel-pool', name: 'kernel pool', kernel: ({ memBytes }) => memBytes, end: () => null },
  { style: 'kernel', name: 'kernel data', kernel: ({ comprBytes }) => comprBytes, end: () => null },
];

/** From the first moment to the last, and how it is divided. */
interface TimeAxis {
  readonly ticks: readonly AxisTick[];
  readonly phases: readonly PhaseSpan[];
  x(t: number): number;
}

/** What the style sheet of runs does not have: lines of what the kernel held, and tables whose first column may have several lines. */
export const REPLAY_STYLE = `
.kernel{--c:var(--p8);--w:1.2;--dash:2 3}
.kernel-pool{--c:var(--p8);--w:1;--dash:7 3}
.results{margin-top:12px}
.results .numbers .word{white-space:normal;min-width:11em}
`;

/**
 * Whether the kernel's samples can be drawn beside ours: they are of the first time the trace is replayed.
 *
 * @param document - of the replay
 */
export function showsKernel({ kernelSamples, options }: ReplayDocument): boolean {
  return kernelSamples.length > 0 && options.repeat === 1;
}

/**
 * Compressed bytes under all policies, and in the kernel, in one chart.
 *
 * @param document - with at least one policy
 */
export function replayOverlay(document: ReplayDocument): Markup {
  const { policies } = document;
  const axis = axisOf(document);
  const scale = byteScale(largest(document, MEMORY.slice(1, 2), MEMORY.slice(3)));
  const exact = policies.filter(
    ({ samples, final }) => final.stale === 0 && samples.every(({ stale }) => stale === 0),
  );
  const curves: Curve[] = policies.map((result) => {
    const turn = exact.length < 2 ? -1 : exact.indexOf(result);
    const stripes =
      turn < 0
        ? ''
        : turn === 0
          ? '--dash:none'
          : `--dash:${String(STRIPE)} ${String(STRIPE * (exact.length - 1))};--shift:${String(-STRIPE * turn)}`;
    const end = result.final.comprBytes;
    return {
      style: policyClass(result.policy),
      name: result.policy,
      points: result.samples.map(({ t, comprBytes }) => ({ x: axis.x(t), y: comprBytes })),
      dots: [],
      end,
      endText: byteText(end),
      filled: false,
      properties: stripes,
    };
  });
  if (showsKernel(document)) curves.push(...kernelCurves(document, axis, MEMORY.slice(3)));
  const chart = chartOf(document, axis, {
    id: 'overlay',
    kind: 'overlay',
    policy: '',
    title: 'Compressed bytes that the device stores, under each policy',
    curves,
    scale,
    text: byteText,
  });
  const drawn = OVERLAY.map((size) =>
    drawChart(size.width < FIGURES_WIDTH ? withoutFigures(chart) : chart, size),
  );
  return markup`<figure class="overlay">${drawn}</figure>`;
}

/**
 * A pair of charts for each policy, all on one scale.
 *
 * @param document - with at least one policy
 */
export function replayTiles(document: ReplayDocument): Markup {
  const { policies } = document;
  const axis = axisOf(document);
  const slotScale = scaleFor(largest(document, SLOTS, SLOTS), 1, (units) =>
    Number.isInteger(units) ? count(units) : '',
  );
  const memoryScale = byteScale(largest(document, MEMORY, MEMORY));
  const sizes = policies.length <= WIDE_TILE_POLICIES ? [TILE_ON_SMALL, TILE_ON_LARGE] : [TILE];
  const room = {
    left: Math.max(...[...slotScale.ticks, ...memoryScale.ticks].map(({ text }) => text.length)),
    right: Math.max(
      ...policies.flatMap((result) => [
        labelRoom(curvesOf(document, result, axis, SLOTS, count)),
        labelRoom(curvesOf(document, result, axis, MEMORY, byteText)),
      ]),
    ),
  };
  const tiles = policies.map((result, index) => {
    const { policy } = result;
    const draw = (
      kind: string,
      what: string,
      quantities: readonly Quantity[],
      scale: Scale,
      text: (value: number) => string,
    ): Markup => {
      const chart = {
        ...chartOf(document, axis, {
          id: `${kind}-${String(index)}`,
          kind,
          policy,
          title: `${what} under ${policy}`,
          curves: curvesOf(document, result, axis, quantities, text),
          scale,
          text,
        }),
        room,
      };
      return markup`<p class="what">${what}</p>${sizes.map((size) => drawChart(chart, size))}`;
    };
    return markup`<figure class="tile"><figcaption><h3>${policyKey(policy)}${policy}</h3><p>${policyMeaning(policy)}</p></figcaption>
${draw('slots', 'Slots', SLOTS, slotScale, count)}${draw('memory', 'Memory', MEMORY, memoryScale, byteText)}${momentTable(document, result)}</figure>
`;
  });
  return markup`<div class="tiles tiles-${Math.min(policies.length, 4)}">${tiles}</div>`;
}

function chartOf(
  document: ReplayDocument,
  axis: TimeAxis,
  what: Pick<Chart, 'id' | 'kind' | 'policy' | 'title' | 'curves' | 'scale'> & {
    readonly text: (value: number) => string;
  },
): Chart {
  const { text, ...rest } = what;
  return {
    ...rest,
    description: rest.curves
      .map(({ name, points, end }) => {
        const most = points.reduce((top, { y }) => Math.max(top, y), 0);
        return `${name}: at most ${text(most)}, ${text(end)} at the end.`;
      })
      .join(' '),
    phases: axis.phases,
    checkpoints: AXIS,
    seconds: [],
    ticks: axis.ticks,
    room: {
      left: Math.max(...rest.scale.ticks.map((tick) => tick.text.length)),
      right: labelRoom(rest.curves),
    },
  };
}

function labelRoom(curves: readonly Curve[]): number {
  return Math.max(...curves.map(({ name, endText }) => name.length + 1 + endText.length));
}

function withoutFigures(chart: Chart): Chart {
  const curves = chart.curves.map((curve) => ({ ...curve, endText: '' }));
  return {
    ...chart,
    curves,
    room: { ...chart.room, right: Math.max(...curves.map(({ name }) => name.length)) },
  };
}

function curvesOf(
  document: ReplayDocument,
  result: ReplayPolicyResult,
  axis: TimeAxis,
  quantities: readonly Quantity[],
  text: (value: number) => string,
): Curve[] {
  const ours = quantities.flatMap(({ style, name, filled, ours: value, end }): Curve[] => {
    if (value === undefined) return [];
    const points: Point[] = result.samples.map((sample) => ({ x: axis.x(sample.t), y: value(sample) }));
    const last = end(result) ?? 0;
    return [
      {
        style,
        name,
        points,
        dots: [],
        end: last,
        endText: text(last),
        filled: filled === true,
        properties: '',
      },
    ];
  });
  return [...ours, ...kernelCurves(document, axis, quantities)];
}

function kernelCurves(document: ReplayDocument, axis: TimeAxis, quantities: readonly Quantity[]): Curve[] {
  if (!showsKernel(document)) return [];
  return quantities.flatMap(({ style, name, kernel: value }): Curve[] => {
    if (value === undefined) return [];
    const points = document.kernelSamples.flatMap((sample): Point[] => {
      const y = value(sample);
      return y === null ? [] : [{ x: axis.x(sample.t), y }];
    });
    const end = points.at(-1)?.y;
    if (end === undefined) return [];
    // What it is in numbers stands in the table; room is short.
    return [{ style, name, points, dots: [], end, endText: '', filled: false, properties: '' }];
  });
}

function axisOf(document: ReplayDocument): TimeAxis {
  const { policies, kernelSamples, trace, options } = document;
  const times = policies.flatMap(({ samples }) => samples.map(({ t }) => t));
  if (showsKernel(document)) times.push(...kernelSamples.map(({ t }) => t));
  const first = times.reduce((least, t) => Math.min(least, t), 0);
  const last = times.reduce((most, t) => Math.max(most, t), first + 1e-6);
  const x = (t: number): number => (AXIS * (t - first)) / (last - first);
  const hasTimes = trace?.seconds !== null;
  // Without times a row counts as a microsecond.
  const unit = hasTimes ? 1 : 1e-6;
  // A little less, so that the last number is not far from the end.
  const { ticks } = scaleFor(last * 0.8, unit * stepUnit(last / unit), (units) => count(units));
  const shown = ticks.filter(({ value }) => value <= last);
  const name = hasTimes ? ' s' : ' rows';
  return {
    x,
    ticks: shown.map(({ value }, index) => ({
      x: x(value),
      text: `${shortNumber(value / unit)}${index === shown.length - 1 ? name : ''}`,
    })),
    phases: options.repeat === 1 ? [] : passSpans(document, x),
  };
}

/** So that scales of less than one second have round numbers, too. */
function stepUnit(most: number): number {
  return most >= TICKS ? 1 : 10 ** Math.floor(Math.log10(most / TICKS));
}

function shortNumber(value: number): string {
  return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(6)));
}

/** Where each pass over the trace begins and ends. */
function passSpans({ policies }: ReplayDocument, x: (t: number) => number): PhaseSpan[] {
  const samples = policies[0]?.samples ?? [];
  const spans: PhaseSpan[] = [];
  let from = 0;
  for (const [index, { phase, t }] of samples.entries()) {
    if (samples[index + 1]?.phase === phase) continue;
    spans.push({ name: phase.replace('replay ', ''), from, to: x(t) });
    from = x(t);
  }
  return spans.length > 12 ? [] : spans;
}

function largest(document: ReplayDocument, ours: readonly Quantity[], kernels: readonly Quantity[]): number {
  let most = 0;
  for (const { ours: value } of ours)
    for (const { samples } of value === undefined ? [] : document.policies)
      for (const sample of samples) most = Math.max(most, value?.(sample) ?? 0);
  if (!showsKernel(document)) return most;
  for (const { kernel } of kernels)
    for (const sample of document.kernelSamples) most = Math.max(most, kernel?.(sample) ?? 0);
  return most;
}

function byteScale(most: number): Scale {
  const unit = byteUnit(most);
  return scaleFor(most, unit.bytes, (units) => (units === 0 ? '0' : `${count(units)} ${unit.name}`));
}

/** The numbers behind the charts of a policy, at some moments. */
function momentTable(document: ReplayDocument, { policy, samples, final }: ReplayPolicyResult): Markup {
  const every = Math.max(1, Math.ceil(samples.length / TABLE_ROWS));
  const shown = samples.filter((_, index) => index % every === every - 1 || index === samples.length - 1);
  const kernel = showsKernel(document);
  const rows = shown.map((sample) => {
    const real = kernel ? document.kernelSamples.findLast(({ t }) => t <= sample.t) : undefined;
    const kernelCells = kernel
      ? markup`<td>${real === undefined ? '–' : count(real.live)}</td><td>${real === undefined || real.comprBytes === null ? '–' : byteText(real.comprBytes)}</td>`
      : null;
    return markup`<tr><th scope="row">${sample.t.toFixed(3)}</th><td>${count(sample.live)}</td><td>${count(sample.stored)}</td><td>${count(sample.stale)}</td><td>${byteText(sample.comprBytes)}</td><td>${byteText(sample.poolPages * PAGE_BYTES)}</td>${kernelCells}</tr>
`;
  });
  const none = kernel ? markup`<td></td><td></td>` : null;
  return details(
    'Numbers behind these charts',
    `Slots and memory under ${policy}`,
    markup`<thead><tr><th scope="col">second</th><th scope="col">live</th><th scope="col">stored</th><th scope="col">stale</th><th scope="col">data</th><th scope="col">pool</th>${kernel ? markup`<th scope="col">live in the kernel</th><th scope="col">data in the kernel</th>` : null}</tr></thead>
<tbody>${rows}<tr><th scope="row">end</th><td>${count(final.live)}</td><td>${count(final.stored)}</td><td>${count(final.stale)}</td><td>${byteText(final.comprBytes)}</td><td>${byteText(final.poolPages * PAGE_BYTES)}</td>${none}</tr></tbody>`,
  );
}
