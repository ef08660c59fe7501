/**
 * The report of a run as a page: one file that needs nothing else, neither a network nor a script, and that can be
 * read on a telephone, on a wide screen and on paper.
 *
 * Pure: from a document to text. Every number and every sentence is computed from the document.
 */
import type { AreaResult, PolicyResult, RunDocument } from '../../run/document.js';
import { formatDuration } from '../../run/duration.js';
import { suspectSentence } from '../../run/suspects.js';
import { withLastLaps } from '../last-lap.js';
import { poolSection } from './anatomy.js';
import { checkTable, costs, lockSection } from './bars.js';
import { details, overlay, phaseList, smallMultiples } from './curves.js';
import { failedChecks, headline, keyFigures, paragraphs } from './facts.js';
import { failedExpectations } from '../scenario-text.js';
import { markup, Markup } from './markup.js';
import { byteText, count, plural } from './numbers.js';
import { scenarioSection } from './scenario.js';
import { STYLE } from './style.js';

/** How many sentences about errors each policy may say. */
const REPORTS_MAX = 20;
/** Options that have words of their own on the page; others are shown by their names. */
const SHOWN_OPTIONS: ReadonlySet<string> = new Set([
  'policies',
  'profile',
  'swappers',
  'disks',
  'ops',
  'duration',
  'mapped',
  'limit',
  'ram',
  'disksize',
  'workload',
  'scenario',
  'pages',
  'codec',
  'seed',
  'timeLimit',
  'lockStats',
]);

/**
 * Writes the page.
 *
 * @param run - what `runWorkload` gave
 * @returns a complete HTML page in UTF-8
 */
export function renderReport(run: RunDocument): string {
  const document = withLastLaps(run);
  const { policies } = document;
  const sentence = headline(document);
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${sentence} – swaplab</title>
<link rel="icon" href="data:,">
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<p class="eyebrow">swaplab <span>report of a run</span></p>
<h1>${sentence}</h1>
${verdicts(document)}
${figures(document)}
</header>
<main>
<section class="story" aria-label="What a newcomer sees">${paragraphs(document).map(({ heading, text }) => markup`<div><h2>${heading}</h2><p>${text}</p></div>`)}</section>
${scenarioSection(document)}
${policies.length === 0 ? null : pictures(document)}
${poolSection(document)}
${policies.length === 0 ? null : measurements(policies)}
${setup(document)}
</main>
</body>
</html>
`;
  return page.source;
}

function verdicts(document: RunDocument): Markup {
  const failed = failedChecks(document);
  const checked =
    document.policies.length === 0
      ? markup`<span class="verdict unsure">Nothing was checked</span>`
      : failed === 0
        ? markup`<span class="verdict good"><b aria-hidden="true">✓</b> Every check passed</span>`
        : markup`<a class="verdict bad" href="#checks"><b aria-hidden="true">✗</b> ${plural(failed, 'check')} failed</a>`;
  const interrupted = document.interrupted
    ? markup`<span class="verdict unsure">Interrupted: ${String(document.policies.length)} of ${plural(document.options.policies.length, 'policy', 'policies')} ended</span>`
    : null;
  return markup`<p class="verdicts">${checked} ${interrupted}</p>${errorList(document)}`;
}

function errorList({ policies, profile }: RunDocument): Markup | null {
  const lines = policies.flatMap((result) => {
    const { policy, reports, suspects } = result;
    const shown = reports.slice(0, REPORTS_MAX).map((report) => markup`<li><b>${policy}</b> ${report}</li>`);
    for (const sentence of failedExpectations(result))
      shown.push(markup`<li><b>${policy}</b> ${sentence}</li>`);
    const more = reports.length - shown.length;
    if (more > 0) shown.push(markup`<li><b>${policy}</b> and ${count(more)} more</li>`);
    const sentence = suspectSentence(profile, suspects);
    if (sentence !== '') shown.push(markup`<li><b>${policy}</b> ${sentence}</li>`);
    return shown;
  });
  if (lines.length === 0) return null;
  return markup`<div class="errors"><h2>What went wrong</h2><ul>${lines}</ul></div>`;
}

function figures(document: RunDocument): Markup | null {
  const shown = keyFigures(document);
  if (shown.length === 0) return null;
  return markup`<dl class="figures">${shown.map(({ name, value, remark }) => markup`<div><dt>${name}</dt><dd><strong>${value}</strong><span>${remark}</span></dd></div>`)}</dl>`;
}

function pictures(document: RunDocument): Markup {
  return markup`<section aria-labelledby="h-overlay"><h2 id="h-overlay">Stored bytes, all policies</h2>
<p class="lead">Compressed bytes that the devices keep. Dots are exact: all threads stood still. The thin line between them was sampled while they ran; the square at the right is what was left after every process had exited. From left to right run the checkpoints, which all policies pass after the same steps.</p>
${overlay(document)}
</section>
<section aria-labelledby="h-policies"><h2 id="h-policies">Policy by policy, on one scale</h2>
<p class="lead">Under each chart stand the checkpoints, and below them the seconds at which this policy passed them.</p>
<dl class="legend">
<div><dt>${sample('live')}live</dt><dd>slots that hold a page somebody still needs</dd></div>
<div><dt>${sample('stored')}stored</dt><dd>slots that the device keeps bytes for</dd></div>
<div><dt>${sample('stale')}stale</dt><dd>stored, but freed: memory spent on what nobody will ever read</dd></div>
<div><dt>${sample('data')}data</dt><dd>bytes of compressed pages</dd></div>
<div><dt>${sample('pool')}pool</dt><dd>page frames of RAM that hold them, 4 KiB each</dd></div>
</dl>
<h3 class="quiet">The phases, by their numbers in the charts</h3>
${phaseList(document)}
${smallMultiples(document)}
</section>`;
}

/** A short piece of a line, as it looks in the charts. */
function sample(style: string): Markup {
  return markup`<svg class="sample" viewBox="0 0 34 12" aria-hidden="true"><g class="curve ${style}">${style === 'stale' ? markup`<path class="area stale" d="M1 6H33V12H1Z"/>` : null}<path class="line" d="M1 6H33"/></g></svg>`;
}

function measurements(policies: readonly PolicyResult[]): Markup {
  return markup`<section aria-labelledby="h-costs"><h2 id="h-costs">What it costs</h2>
${costs(policies)}
</section>
<section aria-labelledby="h-locks"><h2 id="h-locks">Locks</h2>
<p class="lead">Time by the clock on the wall, also while a thread that holds a lock does not have a core.</p>
${lockSection(policies)}
</section>
<section id="checks" aria-labelledby="h-checks"><h2 id="h-checks">Checks</h2>
<p class="lead">Every page that came back was compared with what had been written; tables were walked at each checkpoint and at the end.</p>
${checkTable(policies)}
${areaTable(policies)}
</section>`;
}

function areaTable(policies: readonly PolicyResult[]): Markup | null {
  const rows = policies.flatMap(({ policy, areas }) => areas.map((area) => areaRow(policy, area)));
  if (rows.length === 0) return null;
  return details(
    'Slots given out and freed, by swap area',
    'Slots given out and freed in each swap area',
    markup`<thead><tr><th scope="col" class="word">policy</th><th scope="col" class="word">device</th><th scope="col">given out</th><th scope="col">freed</th><th scope="col">told</th><th scope="col">freed before the hook</th><th scope="col">missed</th></tr></thead>
<tbody>${rows}</tbody>`,
  );
}

function areaRow(policy: string, area: AreaResult): Markup {
  return markup`<tr><th scope="row" class="word">${policy}</th><td class="word">${area.device}</td><td>${count(area.allocated)}</td><td>${count(area.freed)}</td><td>${count(area.notified)}</td><td>${area.freedBeforeHook === null ? 'no hook' : count(area.freedBeforeHook)}</td><td>${count(area.missed)}</td></tr>
`;
}

/** How one option is shown. */
interface OptionRow {
  readonly name: string;
  readonly value: string;
  /** Whether it is too long for a column. */
  readonly wide: boolean;
}

function setup(document: RunDocument): Markup {
  const { options } = document;
  const row = (name: string, value: string, wide = false): OptionRow => ({ name, value, wide });
  const rows: OptionRow[] = [
    row('Policies', options.policies.join(', '), true),
    row('Pages', document.pagesDescription, true),
    row('SHA-256 of the pages', document.pagesHash, true),
    row('Seed', String(document.seed)),
    row('Workload', options.workload),
    ...(options.scenario === null ? [] : [row('Scenario', options.scenario)]),
    row('Profile', document.profile),
    row('Swappers', plural(document.swappers, 'thread')),
    row(
      'Steps',
      `${count(options.ops)} under each policy${options.duration === null ? '' : ', in each lap'}`,
    ),
    ...(options.duration === null
      ? []
      : [row('Duration', `${formatDuration(options.duration)} under each policy`)]),
    row('Mapped', `${byteText(options.mapped)} by each swapper`),
    row('May stay resident', `${byteText(options.limit)} in all`),
    row('RAM of the machine', byteText(options.ram)),
    row('Disks', `${count(options.disks)} of ${byteText(options.disksize)}`),
    row('Codec', options.codec),
    row('Lock statistics', options.lockStats ? 'on' : 'off'),
    row('Time limit', `${count(options.timeLimit)} s`),
    ...Object.entries(options)
      .filter(([name]) => !SHOWN_OPTIONS.has(name))
      .map(([name, value]) => row(name, String(value))),
    row('Schema', document.schema),
  ];
  return markup`<section aria-labelledby="h-setup"><h2 id="h-setup">To see the same again</h2>
<p class="lead">The seed repeats the pages and the steps of every thread. How threads meet is up to the machine, so times and single counts vary.</p>
<pre class="command" tabindex="0"><code>${document.command}</code></pre>
<dl class="setup">${rows.map(({ name, value, wide }) => markup`<div class="${wide ? 'wide' : ''}"><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</section>`;
}
