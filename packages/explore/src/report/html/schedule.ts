/**
 * The schedule as a list: one column per thread where there is room, one indent per thread where there is not; and beside it what is known at the
 * present step, which the script fills in.
 */
import type { ReportModel, ReportSegment } from '../model.js';
import { RANK_KEY, RANK_NEAR, RANK_REST, RANK_SHARED } from '../relevance.js';
import { stateText, switchText } from '../sentences.js';
import { plural } from '../words.js';
import { jsonMarkup, markup, type Markup } from './markup.js';
import type { PageData } from './script.js';
import { THREAD_COLOURS } from './style.js';

/** More threads than this have indents even where there is much room. */
const COLUMNS_MAX = 5;
/** Most rows of a page; of longer schedules the steps that matter least have none. */
const ROWS_MAX = 4000;
/** So many steps are shown at first, if no more matter. */
const ROWS_AIM = 48;

/**
 * Colour of a thread, as a class.
 * @param thread - its index
 */
export function colourOf(thread: number): string {
  return `t${thread % THREAD_COLOURS}`;
}

/**
 * The list, the buttons and the data of the script.
 * @param model - of a report
 */
export function scheduleSection(model: ReportModel): Markup {
  if (model.steps.length === 0)
    return markup`<section><h2>The schedule</h2><p class="lead">No thread took a step.</p></section>`;
  const threads = [...new Set(model.steps.map(({ thread }) => thread))].sort((one, other) => one - other);
  const columnOf = new Map(threads.map((thread, column) => [thread, column]));
  const level = firstLevel(model);
  const kept = keptSteps(model);
  const layout = threads.length <= COLUMNS_MAX ? 'columns' : 'lanes';
  const data = pageData(model, level, kept);
  return markup`<section aria-labelledby="h-schedule"><h2 id="h-schedule">The schedule</h2>
<p class="lead">${plural(model.steps.length, 'step')}, ${plural(model.switches, 'switch', 'switches')}, ${plural(model.preemptions, 'preemption')}. One thread runs at a time; a thread is interrupted only between two steps.${kept.size < model.steps.length ? ` Of so many, only the ${kept.size} that matter most are listed.` : null}</p>
${levels(level)}
<div class="player">
<div class="list ${layout}" id="list" tabindex="0" aria-label="Steps" style="--threads:${threads.length}">
<div class="heads" aria-hidden="true"><span></span>${threads.map((thread) => markup`<span class="${colourOf(thread)}">${model.threads[thread]!.name}</span>`)}</div>
<ol class="steps">
${model.segments.map((segment) => segmentRows(model, segment, columnOf, kept, level))}</ol>
</div>
<div class="panel needs-script" hidden>
<div class="controls">
<button type="button" id="first" aria-label="First step">|&lt;</button>
<button type="button" id="back" aria-label="One step back">&lt;</button>
<button type="button" id="forward" aria-label="One step forward">&gt;</button>
<button type="button" id="last" aria-label="Last step">&gt;|</button>
<input type="range" id="slider" min="0" max="${kept.size - 1}" value="0" aria-label="Step">
</div>
<div class="current" id="current" aria-live="polite"><p class="count" id="count"></p><p class="what" id="what"></p><p class="where" id="where"></p><pre id="source" hidden></pre></div>
<h3>After this step</h3>
<ul class="states" id="states"></ul>
<p class="keys"><kbd>\u2190</kbd> <kbd>\u2192</kbd> one step, <kbd>Home</kbd> <kbd>End</kbd> the first and the last one</p>
</div>
</div>
<script type="application/json" id="data">${jsonMarkup(data)}</script>
</section>`;
}

function levels(level: number): Markup {
  const choices = [
    [RANK_NEAR, 'what matters'],
    [RANK_SHARED, 'locks and shared objects'],
    [RANK_REST, 'all steps'],
  ] as const;
  return markup`<fieldset class="levels needs-script" hidden aria-label="How much is shown"><span>Show</span>${choices.map(
    ([value, text]) =>
      markup`<label><input type="radio" name="level" value="${value}"${value === level ? markup` checked` : null}> ${text}</label>`,
  )}</fieldset>`;
}

/** The highest rank with which the list is not too long. */
function firstLevel(model: ReportModel): number {
  for (const level of [RANK_REST, RANK_SHARED])
    if (model.steps.filter(({ rank }) => rank <= level).length <= ROWS_AIM) return level;
  return RANK_NEAR;
}

/** Steps that have a row. */
function keptSteps(model: ReportModel): ReadonlySet<number> {
  for (const level of [RANK_REST, RANK_SHARED, RANK_NEAR, RANK_KEY]) {
    const steps = [...model.steps.keys()].filter((index) => model.steps[index]!.rank <= level);
    if (steps.length <= ROWS_MAX) return new Set(steps);
    if (level === RANK_KEY)
      return new Set([...steps.slice(0, ROWS_MAX / 4), ...steps.slice((-ROWS_MAX * 3) / 4)]);
  }
  return new Set();
}

function segmentRows(
  model: ReportModel,
  segment: ReportSegment,
  columnOf: ReadonlyMap<number, number>,
  kept: ReadonlySet<number>,
  level: number,
): Markup {
  const rows: Markup[] = [];
  let expected = segment.first;
  const fold = (end: number): void => {
    if (end > expected) rows.push(markup`<li class="fold">${plural(end - expected, 'step')} more</li>\n`);
  };
  for (let index = segment.first; index <= segment.last; index++) {
    if (!kept.has(index)) continue;
    const isShown = model.steps[index]!.rank <= level;
    if (isShown) {
      fold(index);
      expected = index + 1;
    }
    rows.push(stepRow(model, index, columnOf.get(segment.thread)!, isShown, index === segment.first));
  }
  fold(segment.last + 1);
  const isSeen = rows.some(({ source }) => source.includes('class="row'));
  if (segment.ends === 'end' || !isSeen) return markup`${rows}`;
  const { name } = model.threads[segment.thread]!;
  const text = switchText(model, segment);
  const rest = text.startsWith(name) ? text.slice(name.length) : ` ${text}`;
  return markup`${rows}<li class="switch" data-end="${segment.last + 1}"><b class="${colourOf(segment.thread)}">${name}</b><span>${rest}</span></li>\n`;
}

function stepRow(
  model: ReportModel,
  index: number,
  column: number,
  isShown: boolean,
  isFirst: boolean,
): Markup {
  const { thread, what, place, note } = model.steps[index]!;
  const at = place === null ? null : model.places[place]!;
  const who = isFirst ? markup`<span class="who">${model.threads[thread]!.name}</span>` : null;
  const where =
    at === null ? null : markup`<span class="where">${at.short} ${shortFunction(at.function)}</span>`;
  const more = note === null ? null : markup` <span class="note">(${note})</span>`;
  const failed = index === model.failedAt ? ' failed' : '';
  return markup`<li class="row${failed}" data-step="${index}"${isShown ? null : markup` hidden`}><span class="n">${index + 1}</span><div class="cell ${colourOf(thread)}" style="--t:${column}">${who}<span class="what">${what}${more}</span>${where}</div></li>\n`;
}

function shortFunction(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function pageData(model: ReportModel, level: number, kept: ReadonlySet<number>): PageData {
  const { steps, places, spans, objects, threads } = model;
  const shown = [...kept].filter((index) => steps[index]!.rank <= level);
  return {
    threads: threads.map(({ name }, index) => ({
      name,
      colour: index % THREAD_COLOURS,
      end: stateText(model, index).split(';')[0]!,
    })),
    objects: objects.map(({ name }) => name),
    places: places.map(({ file, line, function: name, short, source }) => ({
      text: `${file}:${line} ${name}`.trimEnd(),
      short,
      source: source ?? '',
    })),
    steps: steps.map(({ thread, what, place, rank, note }) => [thread, what, place ?? -1, rank, note ?? '']),
    spans: spans.map(({ kind, thread, object, from, until, asked }) => [
      kind === 'holds' ? 1 : 0,
      thread,
      object,
      from,
      until,
      asked,
    ]),
    level,
    start: shown[0] ?? [...kept][0] ?? 0,
  };
}
