/**
 * The report of a replay as a page: one file that needs nothing else, neither a network nor a script.
 *
 * Pure: from a document to text. Every number and every sentence is computed from the document.
 */
import type { ReplayDocument, ReplayPolicyResult } from '../../replay/document.js';
import { suspectSentence } from '../../run/suspects.js';
import { replayHeadline, replaySentences } from '../replay-facts.js';
import { details } from './curves.js';
import { markup, Markup } from './markup.js';
import { byteText, count, microText, percentText, plural, secondText } from './numbers.js';
import { REPLAY_STYLE, replayOverlay, replayTiles, showsKernel } from './replay-curves.js';
import { STYLE } from './style.js';

const PAGE_BYTES = 4096;
/** How many sentences about errors each policy may say. */
const REPORTS_MAX = 20;

/** One row of the table of all policies. */
interface Row {
  readonly name: string;
  readonly value: (result: ReplayPolicyResult) => string;
}

/**
 * Writes the page.
 *
 * @param document - what `replayTrace` gave
 * @returns a complete HTML page in UTF-8
 */
export function renderReplayReport(document: ReplayDocument): string {
  const sentence = replayHeadline(document);
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${sentence} – swaplab</title>
<link rel="icon" href="data:,">
<style>${new Markup(STYLE + REPLAY_STYLE)}</style>
</head>
<body>
<header>
<p class="eyebrow">swaplab <span>replay of a trace</span></p>
<h1>${sentence}</h1>
${verdicts(document)}
${keyFigures(document)}
</header>
<main>
<section aria-labelledby="h-seen"><h2 id="h-seen">What was seen</h2>
<ul class="examples">${replaySentences(document).map((said) => markup`<li>${said}</li>`)}</ul>
</section>
${document.policies.length === 0 ? null : pictures(document)}
${document.policies.length === 0 ? null : tables(document)}
${traceSection(document)}
${setup(document)}
</main>
</body>
</html>
`;
  return page.source;
}

function verdicts(document: ReplayDocument): Markup {
  const failed = document.policies.reduce(
    (sum, { integrityErrors, invariantErrors, statDrift, vm }) =>
      sum + integrityErrors + invariantErrors + statDrift + vm.ioErrors,
    0,
  );
  const checked =
    document.policies.length === 0
      ? markup`<span class="verdict unsure">Nothing was checked</span>`
      : failed === 0
        ? markup`<span class="verdict good"><b aria-hidden="true">✓</b> Every check passed</span>`
        : markup`<span class="verdict bad"><b aria-hidden="true">✗</b> ${plural(failed, 'check')} failed</span>`;
  const interrupted = document.interrupted
    ? markup`<span class="verdict unsure">Interrupted: ${String(document.policies.length)} of ${plural(document.options.policies.length, 'policy', 'policies')} ended</span>`
    : null;
  const lines = document.policies.flatMap(({ policy, reports, suspects }) => {
    const sentence = suspectSentence(document.profile, suspects);
    const said = [...reports.slice(0, REPORTS_MAX), ...(sentence === '' ? [] : [sentence])];
    return said.map((report) => markup`<li><b>${policy}</b> ${report}</li>`);
  });
  const errors =
    lines.length === 0 ? null : markup`<div class="errors"><h2>What went wrong</h2><ul>${lines}</ul></div>`;
  return markup`<p class="verdicts">${checked} ${interrupted}</p>${errors}`;
}

function keyFigures({ policies, trace }: ReplayDocument): Markup | null {
  const figures = policies.slice(0, 2).map(({ policy, poolPagesMax, final }) => ({
    name: `RAM under ${policy}, at most`,
    value: byteText(poolPagesMax * PAGE_BYTES),
    remark: `${byteText(final.poolPages * PAGE_BYTES)} at the end`,
  }));
  if (trace !== null)
    figures.push({
      name: 'Rows of the trace',
      value: count(trace.rows),
      remark: trace.seconds === null ? 'without times' : `in ${secondText(trace.seconds)}`,
    });
  const compared =
    policies.find(({ policy, comprVsSamples }) => policy === 'notify' && comprVsSamples !== null) ??
    policies.find(({ comprVsSamples }) => comprVsSamples !== null);
  if (compared !== undefined && compared.comprVsSamples !== null && compared.liveVsSamples !== null)
    figures.push({
      name: `Off the real kernel under ${compared.policy}`,
      value: percentText(compared.comprVsSamples.p95Relative),
      remark: `of its bytes at most, in 95 % of samples; slots in use: ${count(compared.liveVsSamples.p95)}`,
    });
  if (figures.length === 0) return null;
  return markup`<dl class="figures">${figures.map(({ name, value, remark }) => markup`<div><dt>${name}</dt><dd><strong>${value}</strong><span>${remark}</span></dd></div>`)}</dl>`;
}

function pictures(document: ReplayDocument): Markup {
  const kernel = showsKernel(document);
  const beside = kernel
    ? ' Beside it, what the device of the real kernel held while the trace was recorded.'
    : '';
  return markup`<section aria-labelledby="h-overlay"><h2 id="h-overlay">Stored bytes, all policies</h2>
<p class="lead">Compressed bytes that the device keeps, over the time of the trace.${beside} The square at the right is what is left after the last row.</p>
${replayOverlay(document)}
</section>
<section aria-labelledby="h-policies"><h2 id="h-policies">Policy by policy, on one scale</h2>
<dl class="legend">
<div><dt>${sample('live')}live</dt><dd>slots in use</dd></div>
<div><dt>${sample('stored')}stored</dt><dd>slots that the device keeps bytes for</dd></div>
<div><dt>${sample('stale')}stale</dt><dd>stored, but freed: memory spent on what nobody will ever read</dd></div>
<div><dt>${sample('data')}data</dt><dd>bytes of compressed pages</dd></div>
<div><dt>${sample('pool')}pool</dt><dd>page frames of RAM that hold them</dd></div>
${
  kernel
    ? markup`<div><dt>${sample('kernel')}kernel</dt><dd>slots in use, and bytes of compressed pages, in the real kernel</dd></div>
<div><dt>${sample('kernel-pool')}kernel pool</dt><dd>memory that its device took for them</dd></div>`
    : null
}
</dl>
${replayTiles(document)}
</section>`;
}

/** A short piece of a line, as it looks in the charts. */
function sample(style: string): Markup {
  return markup`<svg class="sample" viewBox="0 0 34 12" aria-hidden="true"><g class="curve ${style}">${style === 'stale' ? markup`<path class="area stale" d="M1 6H33V12H1Z"/>` : null}<path class="line" d="M1 6H33"/></g></svg>`;
}

const RESULTS: readonly Row[] = [
  { name: 'slots stored at the end', value: ({ final }) => count(final.stored) },
  { name: 'of them stale', value: ({ final }) => count(final.stale) },
  { name: 'compressed bytes at the end', value: ({ final }) => byteText(final.comprBytes) },
  { name: 'RAM for them, at most', value: ({ poolPagesMax }) => byteText(poolPagesMax * PAGE_BYTES) },
  { name: 'different slots given out', value: ({ distinctSlots }) => count(distinctSlots) },
  {
    name: 'slots in use, off the kernel: median',
    value: ({ liveVsSamples }) => orDash(liveVsSamples?.median, count),
  },
  { name: '95 % at most', value: ({ liveVsSamples }) => orDash(liveVsSamples?.p95, count) },
  {
    name: 'compressed bytes, off the kernel: median',
    value: ({ comprVsSamples }) => orDash(comprVsSamples?.medianRelative, percentText),
  },
  { name: '95 % at most', value: ({ comprVsSamples }) => orDash(comprVsSamples?.p95Relative, percentText) },
  {
    name: 'telling the device of a free',
    value: ({ freeCost }) => orDash(freeCost.usPerSlot ?? undefined, microText),
  },
  { name: 'block requests for frees', value: ({ freeCost }) => count(freeCost.bios) },
  { name: 'bytes moved out', value: ({ traffic }) => byteText(traffic.bytesOut) },
  { name: 'bytes moved in', value: ({ traffic }) => byteText(traffic.bytesIn) },
  { name: 'time to replay', value: ({ seconds }) => secondText(seconds) },
];

const ROWS: readonly Row[] = [
  { name: 'rows', value: ({ counts }) => count(counts.rows) },
  { name: 'pages written', value: ({ counts }) => count(counts.writes) },
  { name: 'of them in place', value: ({ counts }) => count(counts.rewrites) },
  { name: 'pages read and compared', value: ({ counts }) => count(counts.reads) },
  { name: 'slots freed', value: ({ counts }) => count(counts.frees) },
  { name: 'reads skipped: slot not in use', value: ({ counts }) => count(counts.skippedReads) },
  { name: 'frees skipped: slot not in use', value: ({ counts }) => count(counts.skippedFrees) },
  { name: 'slots discarded', value: ({ counts }) => count(counts.discards) },
  { name: 'of them in use', value: ({ counts }) => count(counts.discardedInUse) },
  { name: 'discards left out', value: ({ counts }) => count(counts.skippedDiscards) },
  { name: 'pages that could not be stored', value: ({ counts }) => count(counts.failedWrites) },
  { name: 'pages that could not be read', value: ({ counts }) => count(counts.failedReads) },
  { name: 'pages read back wrong', value: ({ integrityErrors }) => count(integrityErrors) },
  { name: 'invariants broken', value: ({ invariantErrors }) => count(invariantErrors) },
  { name: 'driver counters off', value: ({ statDrift }) => count(statDrift) },
];

function tables(document: ReplayDocument): Markup {
  return markup`<section aria-labelledby="h-results"><h2 id="h-results">In numbers</h2>
${policyTable('Results under each policy', document.policies, RESULTS)}
</section>
<section aria-labelledby="h-rows"><h2 id="h-rows">Rows, and checks</h2>
<p class="lead">A page written to a slot in use is rewritten in place; reads and frees of slots not in use are skipped. Every page read is compared with what was written.</p>
${policyTable('What the rows did under each policy', document.policies, ROWS)}
</section>`;
}

function policyTable(name: string, policies: readonly ReplayPolicyResult[], rows: readonly Row[]): Markup {
  return markup`<div class="scroll results" tabindex="0" role="region" aria-label="${name}"><table class="numbers"><thead><tr><th scope="col" class="word"></th>${policies.map(({ policy }) => markup`<th scope="col">${policy}</th>`)}</tr></thead>
<tbody>${rows.map(
    ({ name: row, value }) =>
      markup`<tr><th scope="row" class="word">${row}</th>${policies.map((result) => markup`<td>${value(result)}</td>`)}</tr>
`,
  )}</tbody></table></div>`;
}

function traceSection({ trace, pagesDescription }: ReplayDocument): Markup | null {
  if (trace === null) return null;
  const { sizes } = trace;
  const deciles =
    sizes === null
      ? null
      : details(
          'How large the pages are after compression',
          'Sizes that compressed pages are drawn from',
          markup`<thead><tr><th scope="col" class="word">of the compressed pages</th><th scope="col">bytes at most</th></tr></thead>
<tbody>${sizes.deciles.map(
            (bytes, index) =>
              markup`<tr><th scope="row" class="word">${String((index + 1) * 10)} %</th><td>${count(bytes)}</td></tr>
`,
          )}<tr><th scope="row" class="word">average</th><td>${count(Math.round(sizes.compressedMean))}</td></tr></tbody>
<tbody><tr><th scope="row" class="word">stored raw</th><td>${percentText(sizes.raw)}</td></tr><tr><th scope="row" class="word">same-filled</th><td>${percentText(sizes.same)}</td></tr><tr><th scope="row" class="word">average with raw ones</th><td>${count(Math.round(sizes.mean))}</td></tr></tbody>`,
        );
  return markup`<section aria-labelledby="h-trace"><h2 id="h-trace">The trace</h2>
<p class="lead">${pagesDescription.charAt(0).toUpperCase()}${pagesDescription.slice(1)}.</p>
${trace.notes.length === 0 ? null : markup`<ul class="examples">${trace.notes.map((note) => markup`<li>${note}</li>`)}</ul>`}
${deciles}
</section>`;
}

function setup(document: ReplayDocument): Markup {
  const { options, trace, seed, profile, pagesHash, schema } = document;
  const rows: [string, string][] = [
    ['Trace', options.file],
    ['Policies', options.policies.join(', ')],
    ['SHA-256 of the pages', pagesHash],
    ['Seed', String(seed)],
    ['Slots', options.slots],
    ['Codec', options.codec],
    ['Profile', profile],
    ['Replayed', plural(options.repeat, 'time')],
  ];
  if (trace !== null)
    rows.push(
      ['Format', trace.format],
      ['Pages written', count(trace.written)],
      ['Slots freed', count(trace.freed)],
      ['Slots discarded', count(trace.discarded)],
      ['In use, at most', plural(trace.liveMax, 'slot')],
      ['In use at the end', plural(trace.liveEnd, 'slot')],
      ['Different slots', count(trace.distinct)],
    );
  const { device = null, samplesFile = null } = trace ?? {};
  if (device !== null) rows.push(['Device', device]);
  if (samplesFile !== null) rows.push(["The kernel's samples", samplesFile]);
  rows.push(['Schema', schema]);
  const wide = new Set(['Trace', 'Policies', 'SHA-256 of the pages', "The kernel's samples"]);
  return markup`<section aria-labelledby="h-setup"><h2 id="h-setup">To see the same again</h2>
<p class="lead">The seed repeats the contents of all pages, and so every count; times vary.</p>
<pre class="command" tabindex="0"><code>${document.command}</code></pre>
<dl class="setup">${rows.map(([name, value]) => markup`<div class="${wide.has(name) ? 'wide' : ''}"><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</section>`;
}

function orDash(value: number | undefined, text: (value: number) => string): string {
  return value === undefined ? '–' : text(value);
}
