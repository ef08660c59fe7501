/**
 * The report of a failing schedule as a page: one file that asks for nothing, steps through the schedule forwards and backwards, and can be read on a
 * telephone, on a wide screen and on paper.
 *
 * Pure: from a model to text. Everything that comes from outside, names and lines of source above all, is escaped.
 */
import { Markup, markup } from './html/markup.js';
import { graphDrawings } from './html/graph.js';
import { colourOf, scheduleSection } from './html/schedule.js';
import { SCRIPT } from './html/script.js';
import { STYLE } from './html/style.js';
import type { ReportModel } from './model.js';
import { deadlockSentences, faultText, orderSentences, stateText } from './sentences.js';

/** What stands above the report. */
export interface PageStory {
  readonly title: string;
  readonly paragraphs: readonly string[];
}

/**
 * Writes the page.
 * @param model - made by `buildReport`
 * @param story - of a museum room, for one
 * @returns a complete HTML page in UTF-8
 */
export function htmlReport(model: ReportModel, story: PageStory | null = null): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${model.sentence} \u2013 swaplab</title>
<link rel="icon" href="data:,">
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<p class="eyebrow">swaplab <span>report of a failing schedule</span></p>
<h1>${model.sentence}</h1>
${verdicts(model)}
${storySection(story)}
</header>
<main>
${reasons(model)}
${scheduleSection(model)}
${threadsSection(model)}
${touchedSection(model)}
${replaySection(model)}
</main>
<script>${new Markup(SCRIPT)}</script>
</body>
</html>
`.source;
}

function verdicts(model: ReportModel): Markup {
  const { search } = model;
  const minimal =
    search === null
      ? null
      : search.minimal
        ? markup`<span class="verdict good">minimal</span>`
        : markup`<span class="verdict unsure">minimality not proven</span>`;
  return markup`<p class="verdicts"><span class="verdict bad"><b aria-hidden="true">\u2717</b> ${model.kind}</span> ${minimal} <span class="verdict">${model.scenario}</span></p>
<p class="lead">${model.about}</p>`;
}

function storySection(story: PageStory | null): Markup | null {
  if (story === null) return null;
  return markup`<div class="story"><h2>${story.title}</h2>${story.paragraphs.map((text) => markup`<p>${text}</p>`)}</div>`;
}

/** What was said about the failure, and the graph. */
function reasons(model: ReportModel): Markup | null {
  const sentences = [...deadlockSentences(model), ...orderSentences(model), ...model.details];
  const faults = faultText(model);
  if (faults !== '') sentences.push(faults);
  if (model.stack.length > 0) sentences.push(`Thrown in ${model.stack.join(', called by ')}.`);
  const drawings = graphDrawings(model);
  if (sentences.length + drawings.length === 0) return null;
  const title =
    drawings.length === 0
      ? 'What was seen'
      : model.graph?.kind === 'lock order'
        ? 'The order of the locks'
        : 'Who waits for whom';
  return markup`<section aria-labelledby="h-why"><h2 id="h-why">${title}</h2>
<div class="reasons${drawings.length > 0 ? ' two' : ''}"><ul>${sentences.map((text) => markup`<li>${text}</li>`)}</ul>${drawings.length > 0 ? markup`<div>${drawings}</div>` : null}</div>
</section>`;
}

function threadsSection(model: ReportModel): Markup {
  return markup`<section aria-labelledby="h-threads"><h2 id="h-threads">The threads at the end</h2>
<dl class="ends">${model.threads.map(({ name }, index) => markup`<div><dt class="${colourOf(index)}">${name}</dt><dd>${stateText(model, index)}</dd></div>`)}</dl>
</section>`;
}

function touchedSection(model: ReportModel): Markup | null {
  if (model.touched.length === 0) return null;
  return markup`<section aria-labelledby="h-touched"><h2 id="h-touched">Who touched it last</h2>
<p class="lead">What several threads touched near a switch, and the last step of each of them with it.</p>
<dl class="ends wide">${model.touched.map(
    ({ object, last }) =>
      markup`<div><dt class="mono">${model.objects[object]!.name}</dt><dd>${last.map((index) => touchedLine(model, index))}</dd></div>`,
  )}</dl>
</section>`;
}

function touchedLine(model: ReportModel, index: number): Markup {
  const { thread, kind, place } = model.steps[index]!;
  const at = place === null ? null : model.places[place]!;
  const where = at === null ? null : markup` <span class="soft">${at.short} ${at.function}</span>`;
  return markup`<p><b>${model.threads[thread]!.name}</b>: ${kind} in step ${index + 1}${where}</p>`;
}

function replaySection(model: ReportModel): Markup {
  const { search } = model;
  const rows: [string, string][] = [
    ['Scenario', model.scenario],
    ['Engine', model.engine],
  ];
  if (search !== null) {
    const seed = search.seed === null ? '' : `, seed ${search.seed}`;
    rows.push(['Found', `in schedule ${search.schedule} by ${search.strategy}${seed}`]);
    rows.push(['Played again', `${search.confirmed} times, each time the same`]);
    rows.push(['Minimality', search.minimality]);
  }
  return markup`<section aria-labelledby="h-replay"><h2 id="h-replay">To play it again</h2>
<div class="copy"><pre class="command" tabindex="0"><code id="command">${model.command}</code></pre><button type="button" class="needs-script" data-copy="command" hidden>Copy the command</button></div>
<div class="copy"><pre class="command" tabindex="0"><code id="token">${model.token}</code></pre><button type="button" class="needs-script" data-copy="token" hidden>Copy the token</button></div>
<dl class="ends">${rows.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</section>`;
}
