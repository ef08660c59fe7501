/**
 * The report of a failing schedule for a terminal: what went wrong, the interleaving with a column for each thread, who waits for whom, what was
 * touched last, and how to play it again.
 *
 * Promise: no line is wider than asked for, except the token and the command, which must stay in one piece. Colours are functions of the caller, so
 * that nothing here knows about terminals.
 */
import { deadlockSentences, faultText, orderSentences, stateText, switchText } from './sentences.js';
import type { ReportModel, ReportSegment, ReportStep } from './model.js';
import { RANK_KEY, RANK_NEAR, RANK_REST } from './relevance.js';
import { plural } from './words.js';

/** How the text looks. */
export interface TextStyle {
  /** Columns, 80 to 160; 100 when not given. */
  readonly width?: number;
  /** Lines of the interleaving that are aimed at; what matters most is shown even if it takes more. 48 when not given. */
  readonly lines?: number;
  /** Marks what is most important. */
  bold?(text: string): string;
  /** Marks what is less important. */
  dim?(text: string): string;
  /** Marks what is wrong. */
  bad?(text: string): string;
  /** Colours what belongs to a thread. */
  thread?(index: number, text: string): string;
}

const WIDTH_DEFAULT = 100;
const WIDTH_MIN = 80;
const WIDTH_MAX = 160;
const LINES_DEFAULT = 48;
/** How far from the steps that matter most others are shown when there is room; those that matter least count three times. */
const AROUND = 4;
/** Even what matters most is folded in the middle when a schedule has more lines than this. */
const LINES_MAX = 160;
/** A column of a thread is no narrower. */
const COLUMN_MIN = 17;
/** So many lines of source are shown. */
const SOURCES_MAX = 16;
const NUMBER_WIDTH = 6;
const GAP = '  ';

/**
 * Writes the report.
 * @param model - made by `buildReport`
 * @param style - how it looks
 * @returns lines, each ended by a newline
 */
export function textReport(model: ReportModel, style: TextStyle = {}): string {
  return new TextReport(model, style).write();
}

/** A row of the interleaving. */
type Row =
  | { readonly kind: 'step'; readonly index: number }
  | { readonly kind: 'folded'; readonly first: number; readonly last: number }
  | { readonly kind: 'switch'; readonly segment: ReportSegment };

class TextReport {
  private readonly model: ReportModel;
  private readonly style: TextStyle;
  private readonly width: number;
  private readonly lines: string[] = [];

  constructor(model: ReportModel, style: TextStyle) {
    this.model = model;
    this.style = style;
    this.width = Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, Math.floor(style.width ?? WIDTH_DEFAULT)));
  }

  write(): string {
    this.writeHead();
    this.writeInterleaving();
    this.writeThreads();
    this.writeTouched();
    this.writeEnd();
    return `${this.lines.join('\n')}\n`;
  }

  private writeHead(): void {
    const { model } = this;
    for (const line of wrap(model.sentence, this.width)) this.lines.push(this.bad(line));
    const graph = [...deadlockSentences(model), ...orderSentences(model)];
    if (graph.length > 0) this.lines.push('');
    for (const line of graph) this.paragraph(line, '  ');
    if (model.details.length > 0) this.lines.push('');
    for (const line of model.details) this.paragraph(line, '  ');
    if (model.stack.length > 0) {
      this.lines.push('');
      this.paragraph(`Thrown in ${model.stack.join(', called by ')}.`, '  ');
    }
    this.lines.push('');
  }

  private writeInterleaving(): void {
    const { model } = this;
    if (model.steps.length === 0) {
      this.lines.push('No thread took a step.', '');
      return;
    }
    const preemptions = plural(model.preemptions, 'preemption');
    this.lines.push(
      this.bold(
        `The schedule: ${plural(model.steps.length, 'step')}, ${plural(model.switches, 'switch', 'switches')}, ${preemptions}`,
      ),
    );
    const faults = faultText(model);
    if (faults !== '') this.paragraph(faults, '');
    const threads = [...new Set(model.steps.map(({ thread }) => thread))].sort((one, other) => one - other);
    const rows = rowsOf(model, this.style.lines ?? LINES_DEFAULT);
    const table = new Table(model, threads, rows, this.width);
    this.lines.push(this.dim(table.head()));
    let place: number | null = null;
    for (const row of rows) {
      const next = row.kind === 'step' ? model.steps[row.index]!.place : null;
      this.writeRow(table, row, next !== place);
      place = next;
    }
    this.lines.push('');
  }

  private writeRow(table: Table, row: Row, isNewPlace: boolean): void {
    const { model } = this;
    if (row.kind === 'folded') {
      this.lines.push(
        this.dim(`${' '.repeat(NUMBER_WIDTH)}${GAP}... ${foldedText(model, row.first, row.last)}`),
      );
      return;
    }
    if (row.kind === 'switch') {
      const text = `${' '.repeat(NUMBER_WIDTH)}${GAP}-- ${switchText(model, row.segment)}`;
      for (const line of wrap(text, this.width, ' '.repeat(NUMBER_WIDTH + GAP.length + 3)))
        this.lines.push(this.bold(line));
      return;
    }
    const { thread } = model.steps[row.index]!;
    const { before, what, after } = table.row(row.index);
    for (const [at, line] of what.entries()) {
      const start = at === 0 ? before : ' '.repeat(before.length);
      const end = at === 0 ? after : '';
      const isFilled = end.trim() !== '';
      this.lines.push(
        `${this.dim(start)}${this.colour(thread, isFilled ? line : line.trimEnd())}${isFilled ? this.dim(end) : ''}`,
      );
    }
    const source = isNewPlace ? table.source(row.index) : '';
    if (source !== '') this.lines.push(this.dim(source));
    if (row.index === model.failedAt) {
      const text = `${' '.repeat(NUMBER_WIDTH)}${GAP}-- ${model.threads[thread]!.name} fails: ${model.kind}`;
      this.lines.push(this.bad(text));
    }
  }

  private writeThreads(): void {
    const { model } = this;
    this.lines.push(this.bold('The threads at the end'));
    const width = Math.max(...model.threads.map(({ name }) => name.length));
    for (const [index, thread] of model.threads.entries()) {
      const start = `  ${thread.name.padEnd(width)}  `;
      const lines = wrap(start + stateText(model, index), this.width, ' '.repeat(start.length));
      for (const [at, line] of lines.entries())
        this.lines.push(
          at === 0 ? this.colour(index, line.slice(0, start.length)) + line.slice(start.length) : line,
        );
    }
    this.lines.push('');
  }

  private writeTouched(): void {
    const { model } = this;
    if (model.touched.length === 0) return;
    this.lines.push(this.bold('Touched by several threads near a switch; the last step of each with it'));
    for (const { object, last } of model.touched) {
      this.lines.push(cut(`  ${model.objects[object]!.name}`, this.width));
      for (const index of last) {
        const { thread, kind, place } = model.steps[index]!;
        const where =
          place === null ? '' : ` at ${model.places[place]!.short} ${model.places[place]!.function}`;
        const text = `step ${index + 1}: ${kind} by ${model.threads[thread]!.name}${where}`;
        this.lines.push(`    ${this.colour(thread, cut(text, this.width - 4))}`);
      }
    }
    this.lines.push('');
  }

  private writeEnd(): void {
    const { model } = this;
    const { search } = model;
    if (search !== null) {
      const seed = search.seed === null ? '' : `, seed ${search.seed}`;
      const again =
        search.confirmed > 1 ? ` Played again ${search.confirmed} times, each time the same.` : '';
      this.paragraph(
        `Found in schedule ${search.schedule} by ${search.strategy}${seed}, on the ${model.engine} engine.${again}`,
        '',
      );
      this.paragraph(`${capital(search.minimality)}.`, '');
    }
    this.lines.push(`Token:  ${model.token}`, `Replay: ${this.bold(model.command)}`);
  }

  private paragraph(text: string, indent: string): void {
    this.lines.push(...wrap(indent + text, this.width, `${indent}  `));
  }

  private bold(text: string): string {
    return this.style.bold?.(text) ?? text;
  }

  private dim(text: string): string {
    return this.style.dim?.(text) ?? text;
  }

  private bad(text: string): string {
    return this.style.bad?.(text) ?? text;
  }

  private colour(thread: number, text: string): string {
    return this.style.thread?.(thread, text) ?? text;
  }
}

/** The columns of the interleaving. */
class Table {
  private readonly model: ReportModel;
  /** Of each thread that takes steps, its column. */
  private readonly columns: ReadonlyMap<number, number>;
  private readonly width: number;
  private readonly columnWidth: number;
  private readonly whereWidth: number;
  /** Steps whose lines of source are shown. */
  private readonly sourced: ReadonlySet<number>;
  /** Whether there is no room for columns: then one column says who, and one what. */
  private readonly isNarrow: boolean;
  private readonly nameWidth: number;

  constructor(model: ReportModel, threads: readonly number[], rows: readonly Row[], width: number) {
    this.model = model;
    this.width = width;
    this.columns = new Map(threads.map((thread, column) => [thread, column]));
    const shown = rows.flatMap((row) => (row.kind === 'step' ? [model.steps[row.index]!] : []));
    const where = Math.max(0, ...shown.map((step) => this.where(step).length));
    const key = rows.flatMap((row) =>
      row.kind === 'step' && model.steps[row.index]!.rank === RANK_KEY ? [row.index] : [],
    );
    this.sourced = new Set(key.slice(-SOURCES_MAX));
    this.whereWidth = where === 0 ? 0 : Math.min(where, Math.max(24, Math.floor(width * 0.36)));
    const room =
      width - NUMBER_WIDTH - GAP.length - (this.whereWidth === 0 ? 0 : this.whereWidth + GAP.length);
    const each = Math.floor((room - GAP.length * (threads.length - 1)) / threads.length);
    this.isNarrow = each < COLUMN_MIN;
    this.nameWidth = Math.min(16, Math.max(...threads.map((thread) => this.nameOf(thread).length)));
    const longest = Math.max(
      ...shown.map((step) => whatWithNote(step).length),
      ...threads.map((thread) => this.nameOf(thread).length),
    );
    this.columnWidth = this.isNarrow
      ? Math.min(longest, room - this.nameWidth - GAP.length)
      : Math.min(each, longest);
  }

  head(): string {
    const names = this.isNarrow
      ? ['thread'.padEnd(this.nameWidth), 'what'.padEnd(this.columnWidth)]
      : [...this.columns.keys()].map((thread) =>
          cut(this.nameOf(thread), this.columnWidth).padEnd(this.columnWidth),
        );
    const where = this.whereWidth === 0 ? [] : ['where'];
    return ['step'.padStart(NUMBER_WIDTH), ...names, ...where].join(GAP).trimEnd();
  }

  row(index: number): { readonly before: string; readonly what: string[]; readonly after: string } {
    const step = this.model.steps[index]!;
    const column = this.columns.get(step.thread)!;
    const number = String(index + 1).padStart(NUMBER_WIDTH) + GAP;
    const what = wrapName(whatWithNote(step), this.columnWidth).map((line) => line.padEnd(this.columnWidth));
    const where = this.whereWidth === 0 ? '' : cut(this.where(step), this.whereWidth);
    if (this.isNarrow) {
      const name = cut(this.nameOf(step.thread), this.nameWidth).padEnd(this.nameWidth);
      return { before: number + name + GAP, what, after: GAP + where };
    }
    const filler = ' '.repeat(this.columnWidth) + GAP;
    const rest = filler.repeat(this.columns.size - 1 - column);
    return { before: number + filler.repeat(column), what, after: GAP + rest + where };
  }

  /** The line of the source, for the steps that matter most; in a long report only for the last of them. */
  source(index: number): string {
    const { place, thread } = this.model.steps[index]!;
    const line = place === null ? null : this.model.places[place]!.source;
    if (line === null || !this.sourced.has(index)) return '';
    const column = this.isNarrow
      ? this.nameWidth + GAP.length
      : this.columns.get(thread)! * (this.columnWidth + GAP.length);
    const indent = NUMBER_WIDTH + GAP.length + column + 2;
    return ' '.repeat(indent) + cut(`| ${line}`, this.width - indent);
  }

  private nameOf(thread: number): string {
    return this.model.threads[thread]?.name ?? String(thread);
  }

  private where({ place }: ReportStep): string {
    if (place === null) return '';
    const { short, function: name } = this.model.places[place]!;
    // The class of a method is in the name of its file, as a rule; the page and `--json` have it.
    return `${short} ${name.slice(name.lastIndexOf('.') + 1)}`.trimEnd();
  }
}

function whatWithNote({ what, note }: ReportStep): string {
  return note === null ? what : `${what} (${note})`;
}

/** Which steps are shown, what is folded, and where threads switch. */
function rowsOf(model: ReportModel, lines: number): Row[] {
  const shown = model.steps.map(({ rank }) => rank <= RANK_NEAR);
  let rows = rowsWhere(model, shown);
  if (rows.length > LINES_MAX) {
    rows = rowsWhere(
      model,
      model.steps.map(({ rank }) => rank === RANK_KEY),
    );
    return rows.length > LINES_MAX ? foldMiddle(model, rows, lines) : rows;
  }
  for (const index of aroundKeySteps(model)) {
    if (rows.length >= lines) break;
    shown[index] = true;
    rows = rowsWhere(model, shown);
  }
  return rows;
}

/** Steps that may fill the room that is left: those near to the ones that matter first, locks and shared objects before others. */
function aroundKeySteps(model: ReportModel): number[] {
  const { steps } = model;
  const distances = new Array<number>(steps.length).fill(Infinity);
  const spread = (index: number, last: number): number => {
    const distance = steps[index]!.rank === RANK_KEY ? 0 : last + 1;
    const least = Math.min(distances[index]!, distance);
    distances[index] = least;
    return least;
  };
  let last = Infinity;
  for (let index = 0; index < steps.length; index++) last = spread(index, last);
  last = Infinity;
  for (let index = steps.length - 1; index >= 0; index--) last = spread(index, last);
  const costOf = (index: number): number => distances[index]! * (steps[index]!.rank === RANK_REST ? 3 : 1);
  return [...steps.keys()]
    .filter((index) => steps[index]!.rank > RANK_NEAR && costOf(index) <= AROUND)
    .sort((one, other) => costOf(one) - costOf(other));
}

function rowsWhere(model: ReportModel, shown: readonly boolean[]): Row[] {
  const rows: Row[] = [];
  for (const segment of model.segments) {
    let folded = segment.first;
    const fold = (end: number): void => {
      // A line that says that one step is missing is as long as the step.
      if (end - folded === 1) rows.push({ kind: 'step', index: folded });
      else if (end > folded) rows.push({ kind: 'folded', first: folded, last: end - 1 });
    };
    for (let index = segment.first; index <= segment.last; index++) {
      if (shown[index] !== true) continue;
      fold(index);
      rows.push({ kind: 'step', index });
      folded = index + 1;
    }
    fold(segment.last + 1);
    if (segment.ends !== 'end') rows.push({ kind: 'switch', segment });
  }
  return rows;
}

/** The first and the last rows; between them one that says how much is missing. */
function foldMiddle(model: ReportModel, rows: readonly Row[], lines: number): Row[] {
  const head = rows.slice(0, Math.min(LINES_MAX / 4, Math.ceil(lines / 2)));
  const tail = rows.slice(-Math.min(LINES_MAX / 2, Math.max(1, lines)));
  const first = lastStep(head.at(-1)!) + 1;
  const last = firstStep(tail[0]!) - 1;
  return last < first
    ? [...rows]
    : [...head, { kind: 'folded', first, last: Math.min(last, model.steps.length - 1) }, ...tail];
}

function lastStep(row: Row): number {
  return row.kind === 'step' ? row.index : row.kind === 'folded' ? row.last : row.segment.last;
}

function firstStep(row: Row): number {
  return row.kind === 'step' ? row.index : row.kind === 'folded' ? row.first : row.segment.last + 1;
}

function foldedText(model: ReportModel, first: number, last: number): string {
  const count = last - first + 1;
  let switches = 0;
  for (let index = first + 1; index <= last; index++)
    if (model.steps[index]!.thread !== model.steps[index - 1]!.thread) switches++;
  const name = switches === 0 ? ` of ${model.threads[model.steps[first]!.thread]!.name}` : '';
  const more = switches === 0 ? '' : `, with ${plural(switches, 'switch', 'switches')}`;
  return `${plural(count, 'step')} more${name}${more}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** As much of a text as fits. */
function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 3))}...`;
}

/** Lines of a text, broken at blanks; further lines begin with an indent. What has no blank is broken where it must be. */
function wrap(text: string, width: number, indent = ''): string[] {
  return broken(text, width, indent, (rest, start) => {
    const blank = rest.lastIndexOf(' ', width);
    return blank > start ? blank : width;
  });
}

/** The same for the name of an object and what is done with it: such a name may be broken before a field. */
function wrapName(text: string, width: number): string[] {
  return broken(text, width, ' ', (rest, start) => {
    const best = Math.max(rest.lastIndexOf(' ', width), rest.lastIndexOf('.', width));
    return best > start + 1 ? best : width;
  });
}

function broken(
  text: string,
  width: number,
  indent: string,
  breakOf: (rest: string, start: number) => number,
): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const at = breakOf(rest, rest.length - rest.trimStart().length);
    lines.push(rest.slice(0, at).trimEnd());
    rest = indent + rest.slice(at).trimStart();
  }
  lines.push(rest);
  return lines;
}
