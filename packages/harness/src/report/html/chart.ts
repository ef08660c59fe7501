/**
 * One line chart over checkpoints, as SVG that needs no script: bands for the phases, lines, dots at exact samples, a
 * square for the end of the run, and a label where each line ends.
 *
 * The x axis counts checkpoints, because all policies pass the same ones; the seconds at which a policy passed them
 * stand below. Colours, widths and dashes come from the style sheet by class; nothing here names a colour.
 */
import { markup, type Markup } from './markup.js';

/** A point of a curve: a position in checkpoints (fractions lie between two of them), and a value. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** One line of a chart. */
export interface Curve {
  /** Class of the style sheet that gives it a colour and dashes. */
  readonly style: string;
  /** Name at the end of the line. */
  readonly name: string;
  /** All samples in order, those between checkpoints included. */
  readonly points: readonly Point[];
  /** The exact ones of them. */
  readonly dots: readonly Point[];
  /** The value after the run. */
  readonly end: number;
  /** What {@link end} is called in the label. */
  readonly endText: string;
  /** Whether the space below the line is filled. */
  readonly filled: boolean;
  /** The line down to which it is filled, with as many points; the axis when not given. */
  readonly floor?: readonly Point[];
  /** Custom properties of the style sheet for this line alone; may be empty. */
  readonly properties: string;
}

/** Something that happened at a moment: a line across the chart. */
export interface ChartMark {
  readonly x: number;
  /** Short words beside the line; empty for none, and for a short line. */
  readonly text: string;
}

/** A phase, from a checkpoint to a checkpoint. */
export interface PhaseSpan {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** A number on the x axis. */
export interface AxisTick {
  readonly x: number;
  readonly text: string;
}

/** A value axis from zero on. */
export interface Scale {
  readonly top: number;
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
}

/** How large a chart is drawn, in units of about a CSS pixel, and at which widths of the page it is shown. */
export interface ChartSize {
  /** Class of the style sheet that shows it. */
  readonly style: string;
  readonly width: number;
  readonly height: number;
}

/** Everything that one chart shows. */
export interface Chart {
  /** Unique on the page, of letters, digits and dashes. */
  readonly id: string;
  /** What it shows, for programs that look for it. */
  readonly kind: string;
  /** Whose it is; empty for all. */
  readonly policy: string;
  readonly title: string;
  readonly description: string;
  readonly curves: readonly Curve[];
  readonly phases: readonly PhaseSpan[];
  /** Checkpoints of the x axis. */
  readonly checkpoints: number;
  /** Seconds at each checkpoint, from the first on; empty when they differ between the curves. */
  readonly seconds: readonly number[];
  readonly scale: Scale;
  /** Numbers on the x axis in place of the checkpoints, and where they stand. */
  readonly ticks?: readonly AxisTick[];
  /** Characters of the longest label at the left and at the right; equal in charts that are to be compared. */
  readonly room: LabelRoom;
  /** In order from left to right, one of them with words at most; none when not given. */
  readonly marks?: readonly ChartMark[];
}

/** How long labels are, in characters. */
export interface LabelRoom {
  readonly left: number;
  readonly right: number;
}

const TOP = 20;
const TOP_WITH_NAMES = 34;
const BOTTOM = 38;
const BOTTOM_WITHOUT_SECONDS = 24;
/** Width of a character of the font of a chart, on the safe side. */
const CHARACTER = 6.4;
const LINE = 12.5;
/** Length of a mark without words. */
const MARK_HEIGHT = 6;
const DOT_RADIUS = 1.9;
const END_SIZE = 5;
/** From the end of the axes to a label. */
const LEADER = 10;
/** From the last checkpoint to the end of the run, and behind that. */
const END_AFTER = 27;
const END_MARGIN = 7;
/** About how many numbers stand under a chart. */
const X_TICKS = 4;
const Y_TICKS = 4;

/** Rounds coordinates: a tenth of a pixel is finer than anybody sees. */
function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/**
 * A value axis that ends on a round number.
 *
 * @param most - the largest value shown
 * @param unit - what one unit of the labels is in values
 * @param text - the label of so many units
 */
export function scaleFor(most: number, unit: number, text: (units: number) => string): Scale {
  const step = niceStep(most / unit / Y_TICKS);
  const steps = Math.max(1, Math.ceil(most / unit / step - 1e-9));
  const ticks = Array.from({ length: steps + 1 }, (_, index) => ({
    value: index * step * unit,
    text: text(Number((index * step).toPrecision(6))),
  }));
  return { top: steps * step * unit, ticks };
}

function niceStep(least: number): number {
  if (!(least > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9)) ?? 10;
  return step * power;
}

/**
 * Moves labels apart, as little as needed, so that none covers another.
 *
 * @param wanted - where each label would best stand, in any order
 * @param gap - least distance between two
 * @param low - the smallest place allowed
 * @param high - the largest one; when there is no room for all, labels go below `low`
 */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const places = wanted.map((place) => Math.max(place, low));
  let free = low;
  for (const index of order) {
    places[index] = Math.max(places[index] ?? 0, free);
    free = (places[index] ?? 0) + gap;
  }
  let limit = high;
  for (const index of order.reverse()) {
    places[index] = Math.min(places[index] ?? 0, limit);
    limit = (places[index] ?? 0) - gap;
  }
  return places;
}

/**
 * Draws a chart.
 *
 * @param chart - what it shows
 * @param size - how large
 */
export function drawChart(chart: Chart, size: ChartSize): Markup {
  const plot = plotOf(chart, size);
  const id = `${chart.id}-${size.style}`;
  return markup`<svg class="chart ${size.style}" viewBox="0 0 ${size.width} ${size.height}" role="img" data-chart="${chart.kind}" data-policy="${chart.policy}" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">${chart.title}</title><desc id="${id}-d">${chart.description}</desc>
<g aria-hidden="true">${[
    ...phaseBands(chart, plot),
    ...valueAxis(chart, plot),
    ...positionAxis(chart, plot),
    ...chart.curves.filter((curve) => curve.filled).map((curve) => area(curve, plot)),
    ...chart.curves.map((curve, index) => line(curve, index, plot)),
    ...endLabels(chart.curves, plot),
    ...(chart.marks ?? []).map((each) => markLine(each, plot)),
  ]}</g></svg>
`;
}

interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly namesFit: boolean;
  /** Where the values after the run stand. */
  readonly end: number;
  x(position: number): number;
  y(value: number): number;
}

function plotOf(chart: Chart, size: ChartSize): Plot {
  const { scale, checkpoints, phases, room } = chart;
  const left = 8 + room.left * CHARACTER;
  const right = size.width - LEADER - room.right * CHARACTER;
  const bottom = size.height - (chart.seconds.length === 0 ? BOTTOM_WITHOUT_SECONDS : BOTTOM);
  const unit = (right - left - END_AFTER - END_MARGIN) / Math.max(1, checkpoints);
  const longest = (name: string): number => Math.max(...name.split(' ').map((word) => word.length));
  const namesFit = phases.every(
    ({ name, from, to }) =>
      longest(name) * CHARACTER < (to - from) * unit &&
      (name.length * CHARACTER < (to - from) * unit || name.split(' ').length === 2),
  );
  const top = namesFit && phases.length > 0 ? TOP_WITH_NAMES : TOP;
  return {
    left,
    right,
    top,
    bottom,
    namesFit,
    end: right - END_MARGIN,
    x: (position) => left + position * unit,
    y: (value) => bottom - (scale.top === 0 ? 0 : (value / scale.top) * (bottom - top)),
  };
}

function phaseBands(chart: Chart, plot: Plot): Markup[] {
  return chart.phases.map(({ name, from, to }, index) => {
    const [left, right] = [plot.x(from), plot.x(to)];
    const middle = at((left + right) / 2);
    const words = !plot.namesFit
      ? [String(index + 1)]
      : name.length * CHARACTER < right - left
        ? [name]
        : name.split(' ');
    const first = plot.top - 6 - (words.length - 1) * LINE;
    return markup`<rect class="band band-${index % 2}" x="${at(left)}" y="${at(plot.top - (plot.namesFit ? TOP_WITH_NAMES : TOP - 2))}" width="${at(right - left)}" height="${at(plot.bottom - plot.top + (plot.namesFit ? TOP_WITH_NAMES : TOP - 2))}"/>
${words.map((word, row) => markup`<text class="phase" x="${middle}" y="${at(first + row * LINE)}">${word}</text>`)}`;
  });
}

function valueAxis(chart: Chart, plot: Plot): Markup[] {
  return chart.scale.ticks.map(({ value, text }) => {
    const y = at(plot.y(value));
    const style = value === 0 ? 'axis' : 'grid';
    return markup`<line class="${style}" x1="${at(plot.left)}" x2="${at(plot.right)}" y1="${y}" y2="${y}"/><text class="value" x="${at(plot.left - 5)}" y="${at(plot.y(value) + 3.8)}">${text}</text>`;
  });
}

function positionAxis(chart: Chart, plot: Plot): Markup[] {
  const { checkpoints, seconds, ticks } = chart;
  const step = Math.max(1, niceStep(checkpoints / X_TICKS));
  const marks: Markup[] = [];
  for (const { x: place, text } of ticks ?? []) {
    const x = at(plot.x(place));
    marks.push(
      markup`<line class="axis" x1="${x}" x2="${x}" y1="${at(plot.bottom)}" y2="${at(plot.bottom + 4)}"/><text class="position" x="${x}" y="${at(plot.bottom + 15)}">${text}</text>`,
    );
  }
  for (let position = 0; ticks === undefined && position <= checkpoints; position += step) {
    const x = at(plot.x(position));
    const second = seconds[position - 1];
    marks.push(
      markup`<line class="axis" x1="${x}" x2="${x}" y1="${at(plot.bottom)}" y2="${at(plot.bottom + 4)}"/><text class="position" x="${x}" y="${at(plot.bottom + 15)}">${position === 0 ? 'start' : position}</text>`,
    );
    if (second !== undefined) {
      marks.push(
        markup`<text class="second" x="${x}" y="${at(plot.bottom + 29)}">${secondsAt(second, position + step > checkpoints)}</text>`,
      );
    }
  }
  marks.push(markup`<text class="position" x="${at(plot.end)}" y="${at(plot.bottom + 15)}">end</text>`);
  return marks;
}

/** Short, because little room is between two; the unit stands behind the last one. */
function secondsAt(seconds: number, isLast: boolean): string {
  const text = seconds.toFixed(seconds < 10 ? 2 : seconds < 100 ? 1 : 0);
  return isLast ? `${text} s` : text;
}

function path(points: readonly Point[], plot: Plot): string {
  return points
    .map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${at(plot.x(x))} ${at(plot.y(y))}`)
    .join('');
}

function area(curve: Curve, plot: Plot): Markup {
  const [first, last] = [curve.points[0], curve.points.at(-1)];
  if (first === undefined || last === undefined) return markup``;
  if (curve.floor !== undefined) {
    const back = path([...curve.floor].reverse(), plot).replace('M', 'L');
    return markup`<path class="area ${curve.style}" d="${path(curve.points, plot)}${back}Z"/>`;
  }
  const floor = at(plot.bottom);
  return markup`<path class="area ${curve.style}" d="${path(curve.points, plot)}L${at(plot.x(last.x))} ${floor}L${at(plot.x(first.x))} ${floor}Z"/>`;
}

/** Words stand on the side where there is more room. */
function markLine({ x, text }: ChartMark, plot: Plot): Markup {
  const place = plot.x(x);
  if (text === '')
    return markup`<line class="mark" x1="${at(place)}" x2="${at(place)}" y1="${at(plot.top)}" y2="${at(plot.top + MARK_HEIGHT)}"/>`;
  const isLeft = place > (plot.left + plot.right) / 2;
  return markup`<line class="mark named" x1="${at(place)}" x2="${at(place)}" y1="${at(plot.top)}" y2="${at(plot.bottom)}"/><text class="mark ${isLeft ? 'before' : 'behind'}" x="${at(place + (isLeft ? -5 : 5))}" y="${at(plot.top + MARK_HEIGHT + LINE)}">${text}</text>`;
}

function line(curve: Curve, index: number, plot: Plot): Markup {
  const x = plot.end;
  const y = plot.y(curve.end);
  const half = END_SIZE / 2;
  const properties = curve.properties === '' ? null : markup` style="${curve.properties}"`;
  return markup`<g class="curve ${curve.style}"${properties}><path class="line" d="${path(curve.points, plot)}"/>${curve.dots.map((dot) => mark(index, plot.x(dot.x), plot.y(dot.y)))}<rect class="end" x="${at(x - half)}" y="${at(y - half)}" width="${END_SIZE}" height="${END_SIZE}"/></g>
`;
}

/** A dot, of another form for each curve of a chart, so that they differ without colours. */
function mark(index: number, x: number, y: number): Markup {
  const r = DOT_RADIUS;
  if (index % 4 === 0) return markup`<circle cx="${at(x)}" cy="${at(y)}" r="${r}"/>`;
  const forms = [
    `M${at(x - r)} ${at(y - r)}h${at(2 * r)}v${at(2 * r)}h${at(-2 * r)}Z`,
    `M${at(x)} ${at(y - 1.4 * r)}l${at(1.4 * r)} ${at(2.4 * r)}h${at(-2.8 * r)}Z`,
    `M${at(x)} ${at(y - 1.5 * r)}l${at(1.5 * r)} ${at(1.5 * r)}l${at(-1.5 * r)} ${at(1.5 * r)}l${at(-1.5 * r)} ${at(-1.5 * r)}Z`,
  ];
  return markup`<path d="${forms[(index % 4) - 1] ?? ''}"/>`;
}

function endLabels(curves: readonly Curve[], plot: Plot): Markup[] {
  const places = spread(
    curves.map((curve) => plot.y(curve.end)),
    LINE,
    plot.top,
    plot.bottom,
  );
  return curves.map((curve, index) => {
    const place = places[index] ?? 0;
    return markup`<g class="label ${curve.style}"><path class="leader" d="M${at(plot.right - 2)} ${at(plot.y(curve.end))}L${at(plot.right + LEADER - 3)} ${at(place)}"/><text x="${at(plot.right + LEADER)}" y="${at(place + 3.8)}">${curve.name} <tspan class="figure">${curve.endText}</tspan></text></g>`;
  });
}
