/**
 * What telling costs, as bars: one small table for each figure, one row for each policy. A figure that is zero
 * everywhere is one line.
 */
import type { LockResult, PolicyResult } from '../../run/document.js';
import { details, policyKey } from './curves.js';
import { missedFrees } from './facts.js';
import { markup, type Markup } from './markup.js';
import { byteText, count, microText, percentText, secondText } from './numbers.js';
import { lockMeaning, policyClass } from './words.js';

/** One figure of every policy. */
interface Measure {
  readonly name: string;
  /** What it means, in one line; may be empty. */
  readonly remark: string;
  /** The value; null when it was not measured. */
  readonly value: (result: PolicyResult) => number | null;
  readonly text: (value: number) => string;
}

const TELLING: readonly Measure[] = [
  {
    name: 'Cost per freed slot',
    remark: 'Median time to tell the device of one free, in the thread that frees.',
    value: ({ freeCost }) => freeCost.usPerSlot,
    text: microText,
  },
  {
    name: 'Block requests for frees',
    remark: 'Each needs memory of its own, while memory is short.',
    value: ({ freeCost }) => freeCost.bios,
    text: count,
  },
  {
    name: 'Block requests that failed',
    remark: 'No memory could be had for them.',
    value: ({ freeCost }) => freeCost.bioFailures,
    text: count,
  },
  {
    name: 'Frees that went missing',
    remark: 'They should have reached the device and did not. Under none, no free is meant to.',
    value: missedFrees,
    text: count,
  },
];

const WORK: readonly Measure[] = [
  {
    name: 'Bytes moved out',
    remark: 'Written to the devices.',
    value: ({ traffic }) => traffic.bytesOut,
    text: byteText,
  },
  {
    name: 'Bytes moved in',
    remark: 'Read from the devices.',
    value: ({ traffic }) => traffic.bytesIn,
    text: byteText,
  },
  {
    name: 'Bytes discarded',
    remark: 'Said to be free by discard requests.',
    value: ({ traffic }) => traffic.bytesDiscarded,
    text: byteText,
  },
  { name: 'Pages swapped out', remark: '', value: ({ vm }) => vm.swapOuts, text: count },
  { name: 'Pages swapped in', remark: '', value: ({ vm }) => vm.swapIns, text: count },
  { name: 'Page faults', remark: '', value: ({ vm }) => vm.faults, text: count },
  {
    name: 'Pages dropped clean',
    remark: 'They left memory without a write: the device still had them.',
    value: ({ vm }) => vm.cleanDrops,
    text: count,
  },
];

const OUTCOME: readonly Measure[] = [
  {
    name: 'Time to finish',
    remark: 'In short runs the first policy is slower: its code is still being compiled.',
    value: ({ seconds }) => seconds,
    text: secondText,
  },
  {
    name: 'Steps per second',
    remark: '',
    value: ({ ops, seconds }) => (seconds > 0 ? ops / seconds : null),
    text: (value) => count(Math.round(value)),
  },
  {
    name: 'Processes killed',
    remark: 'No page frame could be had.',
    value: ({ vm }) => vm.kills,
    text: count,
  },
  { name: 'Transfers that failed', remark: 'To or from swap.', value: ({ vm }) => vm.ioErrors, text: count },
];

/** The locks that the question is about, in the order of the page. */
const MAIN_LOCKS = ['swap_lock', 'rzs_lock'];

/**
 * The cost of telling, the work that was done, and how it ended.
 *
 * @param policies - at least one
 */
export function costs(policies: readonly PolicyResult[]): Markup {
  const group = (heading: string, measures: readonly Measure[]): Markup =>
    markup`<h3>${heading}</h3><div class="blocks">${measures.map((measure) => block(measure, policies))}</div>`;
  return markup`${group('Telling the device', TELLING)}${group('Moving pages', WORK)}${group('Getting done', OUTCOME)}`;
}

/**
 * How long locks were waited for and held; the two that matter as bars, the others folded.
 *
 * @param policies - at least one
 */
export function lockSection(policies: readonly PolicyResult[]): Markup {
  const names = lockNames(policies);
  if (names.length === 0)
    return markup`<p class="missing">Lock statistics were switched off in this run.</p>`;
  const main = MAIN_LOCKS.filter((name) => names.includes(name));
  const rest = names.filter((name) => !main.includes(name));
  return markup`${main.map((name) => mainLock(name, policies))}${lockTable([...main, ...rest], policies)}`;
}

/** Names of all lock classes, those that were waited for longest first. */
function lockNames(policies: readonly PolicyResult[]): string[] {
  const waits = new Map<string, number>();
  for (const lock of policies.flatMap((result) => result.locks)) {
    waits.set(lock.class, (waits.get(lock.class) ?? 0) + lock.waitSeconds);
  }
  return [...waits].sort(([a, x], [b, y]) => y - x || a.localeCompare(b)).map(([name]) => name);
}

function lockOf(result: PolicyResult, name: string): LockResult | undefined {
  return result.locks.find((lock) => lock.class === name);
}

function mainLock(name: string, policies: readonly PolicyResult[]): Markup {
  const measure = (
    what: string,
    remark: string,
    value: (lock: LockResult) => number,
    text: (value: number) => string,
  ): Markup =>
    block(
      {
        name: what,
        remark,
        value: (result) => {
          const lock = lockOf(result, name);
          return lock === undefined ? null : value(lock);
        },
        text,
      },
      policies,
    );
  return markup`<section class="lock" data-lock="${name}"><h3><code>${name}</code></h3><p class="lead">${lockMeaning(name)}</p><div class="blocks">${[
    measure('Waited for', 'By all threads together.', (lock) => lock.waitSeconds, secondText),
    measure('Held', 'By all threads together.', (lock) => lock.holdSeconds, secondText),
    measure('Longest wait', 'Of one thread, once.', (lock) => lock.waitMaxSeconds, secondText),
    measure(
      'Found taken',
      'Share of all acquisitions.',
      (lock) => (lock.acquisitions === 0 ? 0 : lock.contended / lock.acquisitions),
      percentText,
    ),
  ]}</div></section>`;
}

function lockTable(names: readonly string[], policies: readonly PolicyResult[]): Markup {
  const rows = (name: string): Markup[] =>
    policies.flatMap((result) => {
      const lock = lockOf(result, name);
      if (lock === undefined) return [];
      return [
        markup`<tr><th scope="row" class="word"><code>${name}</code></th><td class="word">${result.policy}</td><td>${count(lock.acquisitions)}</td><td>${count(lock.contended)}</td><td>${secondText(lock.waitSeconds)}</td><td>${secondText(lock.holdSeconds)}</td><td>${secondText(lock.waitMaxSeconds)}</td><td>${secondText(lock.holdMaxSeconds)}</td></tr>
`,
      ];
    });
  return details(
    `All ${String(names.length)} classes of locks`,
    'All lock classes: the two above, then those waited for longest',
    markup`<thead><tr><th scope="col" class="word">lock</th><th scope="col" class="word">policy</th><th scope="col">taken</th><th scope="col">found taken</th><th scope="col">waited</th><th scope="col">held</th><th scope="col">longest wait</th><th scope="col">longest hold</th></tr></thead>${names.map((name) => markup`<tbody>${rows(name)}</tbody>`)}`,
  );
}

function block(measure: Measure, policies: readonly PolicyResult[]): Markup {
  const { name, remark, text } = measure;
  const values = policies.map(measure.value);
  const most = values.reduce<number>((top, value) => Math.max(top, value ?? 0), 0);
  const note = markup`<p class="remark">${remark}</p>`;
  const same = values.every((value) => value === 0)
    ? text(0)
    : values.every((value) => value === null)
      ? 'not measured'
      : null;
  if (same !== null) {
    const where = policies.length === 1 ? '' : ' under every policy';
    return markup`<div class="block"><h4>${name}</h4>${note}<p class="same">${same}${where}</p></div>`;
  }
  const row = (result: PolicyResult, index: number): Markup => {
    const value = values[index] ?? null;
    const width = most === 0 || value === null ? 0 : (100 * value) / most;
    const bar =
      value === null
        ? null
        : markup`<span class="${policyClass(result.policy)}" style="width:${width.toFixed(1)}%"></span>`;
    return markup`<tr><th scope="row">${result.policy}</th><td class="bar" aria-hidden="true">${bar}</td><td>${value === null ? '–' : text(value)}</td></tr>
`;
  };
  return markup`<div class="block"><h4>${name}</h4>${note}<table class="bars"><caption>${name}</caption><tbody>${policies.map(row)}</tbody></table></div>`;
}

/** A table of the checks of each policy, green and red. */
export function checkTable(policies: readonly PolicyResult[]): Markup {
  const cell = (value: number): Markup =>
    value === 0
      ? markup`<td class="good"><b aria-hidden="true">✓</b> 0</td>`
      : markup`<td class="bad"><b aria-hidden="true">✗</b> ${count(value)}</td>`;
  return markup`<table class="checks"><caption>Checks of each policy</caption><thead><tr><th scope="col" class="word">policy</th><th scope="col">pages read back wrong</th><th scope="col">invariants broken</th><th scope="col">driver counters off</th></tr></thead>
<tbody>${policies.map(
    (result) =>
      markup`<tr><th scope="row" class="word">${policyKey(result.policy)}${result.policy}</th>${[result.integrityErrors, result.invariantErrors, result.statDrift].map(cell)}</tr>
`,
  )}</tbody></table>`;
}
