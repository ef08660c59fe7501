/**
 * Makes the model of a report from a finding.
 *
 * Pure: whatever is not in the finding (names of addresses, places of sites, lines of the source) is given as functions and tables.
 */
import {
  FAULT_ALLOCATION,
  FAULT_IO,
  FAULT_SPURIOUS_WAKE,
  POINT_LOAD,
  POINT_UNLOCK,
} from '@swaplab/kernel-mm';
import { CHOICE_FAULT } from '../core/decisions.js';
import type { Failure, ThreadState } from '../engines/job.js';
import type { TraceStep } from '../core/trace.js';
import { graphOf } from './graphs.js';
import { historyOf, type History } from './history.js';
import {
  MODEL_SCHEMA,
  type ReportFault,
  type ReportHeld,
  type ReportModel,
  type ReportPending,
  type ReportPlace,
  type ReportSearch,
  type ReportSegment,
  type ReportSpan,
  type ReportStep,
  type ReportThread,
  type ReportTouched,
} from './model.js';
import { relevanceOf } from './relevance.js';
import { relativePath, type SiteTable } from './sites.js';
import { Tables } from './tables.js';
import { kindWord, whatOf } from './words.js';

/** What a report needs of a scenario. */
export interface ScenarioOutline {
  readonly name: string;
  readonly about: string;
  readonly threads: readonly {
    readonly name: string;
    readonly operations: readonly { readonly name: string }[];
  }[];
}

/** A schedule that failed, as it was found (a `Finding`) or only played: then what a search says is not there. */
export interface ReportedSchedule {
  readonly failure: Failure;
  readonly trace: readonly TraceStep[];
  /** For each thread, which of its operations are left out, as bits. */
  readonly dropped: readonly number[];
  readonly token: string;
  /** The schedule of the search in which it was found, and by which strategy. */
  readonly schedule?: number;
  readonly strategy?: string;
  /** How often it was played again. */
  readonly confirmed?: number;
  readonly minimal?: boolean;
  readonly minimality?: string;
}

/** What a report is made from. */
export interface ReportInput {
  readonly finding: ReportedSchedule;
  readonly scenario: ScenarioOutline;
  /** Name of the engine. */
  readonly engine: string;
  /** Of the exploration; null when a token was played. */
  readonly seed: number | null;
  /** What a user types to play it again. */
  readonly command: string;
  /** Name of what lies at an address. */
  describe(address: number): string;
  /** None when the code was not woven. */
  readonly sites?: SiteTable | undefined;
  /** A line of a file (the first one is 1), or null. */
  readonly readLine?: ((file: string, line: number) => string | null) | undefined;
}

const FAULTS: ReadonlyMap<number, ReportFault['kind']> = new Map([
  [FAULT_ALLOCATION, 'allocation'],
  [FAULT_IO, 'io'],
  [FAULT_SPURIOUS_WAKE, 'wake'],
]);
/** All bits of an operation mask: the thread was left out as a whole. */
const ALL = 0x7fff_ffff;
/** What the machine says of a task; the report says more about the threads. */
const TASK_LINE = /^\s*>? .* \(task \d+, /;
/** How engines and detectors name a site. */
const SITE = /\bsite (-?\d+)/g;
const STACK_MAX = 6;
/** Primitives that only read though their kind does not say so. */
const READS: ReadonlySet<string> = new Set([
  'Cells.atomicLoad',
  'Cells.isZeroPage',
  'WaitQueue.prepareToWait',
]);
/** In a stack: an unlock is what has failed. */
const UNLOCKING = /^\s+at .*(?:nlock|upRead|upWrite) \(/m;

const DETAILS_MAX = 40;

/**
 * Makes the model.
 * @param input - what is known
 */
export function buildReport(input: ReportInput): ReportModel {
  return new Builder(input).build();
}

class Builder {
  private readonly input: ReportInput;
  private readonly failure: Failure;
  private readonly trace: readonly TraceStep[];
  private readonly history: History;
  private readonly tables: Tables;
  private readonly notes: ReadonlyMap<number, string>;

  constructor(input: ReportInput) {
    this.input = input;
    const { failure, trace } = input.finding;
    this.failure = failure;
    this.trace = trace;
    this.history = historyOf(trace, (task, lock) =>
      (failure.threads[task]?.holds ?? []).some(({ address }) => address === lock),
    );
    this.tables = new Tables(input, this.history.locks);
    this.notes = this.noteSteps();
  }

  build(): ReportModel {
    const { input, failure, trace, history } = this;
    const { finding, scenario } = input;
    const unfinished = [...failure.threads.entries()]
      .filter(([, { state }]) => state === 'waits' || state === 'stands' || state === 'runs')
      .map(([task]) => task);
    const graph = graphOf(failure, history, trace, this.tables);
    const named = (graph?.chains ?? []).flatMap(({ links }) => links.map(({ step }) => step));
    const failedAt = this.failedAt();
    const relevance = relevanceOf(trace, history, (step) => this.isRead(step), {
      failed: failure.thread,
      failedAt,
      unfinished,
      named,
    });
    const steps = trace.map((step, index) => this.step(step, index, relevance.ranks[index]!));
    const threads = scenario.threads.map(({ name }, task) => this.thread(name, task));
    const segments = this.segments();
    const spans = this.spans();
    const touched = relevance.objects
      .map((address) => this.touched(address))
      .filter((entry) => entry !== null);
    const details = detailsOf(failure, graph?.kind === 'lock order');
    for (const text of [failure.sentence, ...details])
      for (const site of sitesIn(text)) this.tables.place(site);
    const places = this.tables.places();
    const placed = (text: string): string => this.withPlaces(text, places);
    return {
      schema: MODEL_SCHEMA,
      scenario: scenario.name,
      about: scenario.about,
      engine: input.engine,
      kind: failure.kind,
      sentence: placed(failure.sentence),
      details: details.map(placed),
      stack: stackOf(failure),
      failed: failure.thread < 0 ? null : failure.thread,
      failedAt: failedAt < 0 ? null : failedAt,
      token: finding.token,
      command: input.command,
      search: this.search(),
      switches: Math.max(0, segments.length - 1),
      preemptions: failure.preemptions,
      faults: faultsOf(failure),
      threads,
      objects: this.tables.objects(trace),
      places,
      steps,
      segments,
      spans,
      edges: history.edges,
      graph,
      touched,
    };
  }

  /**
   * The step at which the failed thread failed, -1 for none. What it holds it drops on the way out, under control still; unless it was an unlock that
   * failed, those steps are not where it failed.
   */
  private failedAt(): number {
    const { trace, failure } = this;
    if (failure.thread < 0) return -1;
    let at = trace.findLastIndex(({ task }) => task === failure.thread);
    if (UNLOCKING.test(failure.report) && failure.kind !== 'lock order') return at;
    while (at >= 0 && trace[at]!.task === failure.thread && trace[at]!.kind === POINT_UNLOCK) at--;
    return at >= 0 && trace[at]!.task === failure.thread ? at : -1;
  }

  private isRead({ kind, site }: TraceStep): boolean {
    return kind === POINT_LOAD || READS.has(this.input.sites?.lookup(site)?.primitive ?? '');
  }

  /** Engines name sites by their numbers: people want lines. */
  private withPlaces(text: string, places: readonly ReportPlace[]): string {
    return text.replace(SITE, (words, number: string) => {
      const index = this.tables.place(Number(number));
      return index === null ? words : `${places[index]!.short} ${places[index]!.function}`;
    });
  }

  private search(): ReportSearch | null {
    const { finding, seed } = this.input;
    if (finding.schedule === undefined || finding.strategy === undefined) return null;
    return {
      strategy: finding.strategy,
      schedule: finding.schedule,
      seed,
      confirmed: finding.confirmed ?? 1,
      minimal: finding.minimal ?? false,
      minimality: finding.minimality ?? 'not made smaller',
    };
  }

  private step({ task, kind, object, site }: TraceStep, index: number, rank: number): ReportStep {
    const info = this.input.sites?.lookup(site);
    return {
      thread: task,
      kind: kindWord(kind),
      what: whatOf(kind, this.tables.nameOf(object), info?.primitive ?? ''),
      object: object === 0 ? null : this.tables.object(object),
      place: this.tables.place(site),
      rank,
      note: this.notes.get(index) ?? null,
    };
  }

  /** What the history of locks and waits knows about steps. */
  private noteSteps(): Map<number, string> {
    const { history, tables, trace, input } = this;
    const notes = new Map<number, string>();
    const names = input.scenario.threads.map(({ name }) => name);
    for (const { task, object, from } of history.waits) {
      const holders = history.holds
        .filter(
          ({ lock, from: since, dropped, task: other }) =>
            lock === object && other !== task && since <= from && (dropped < 0 || dropped > from),
        )
        .map(({ task: other }) => names[other] ?? String(other));
      if (holders.length > 0) notes.set(from, `held by ${holders.join(', ')}`);
    }
    for (const { task, lock, asked, from } of history.holds)
      if (from !== asked && from < trace.length && trace[from]!.task === task)
        notes.set(from, `has ${tables.nameOf(lock)} now`);
    return notes;
  }

  private thread(name: string, task: number): ReportThread {
    const { input, failure, trace } = this;
    const state = failure.threads[task];
    const mask = input.finding.dropped[task] ?? 0;
    const operations = input.scenario.threads[task]!.operations;
    const isLeftOut = mask === ALL;
    const leftOut = isLeftOut ? [] : operations.filter((_, index) => ((mask >>> index) & 1) !== 0);
    const isPending = state?.state === 'waits' || state?.state === 'stands';
    const held = state?.holds ?? [];
    return {
      name,
      state: isLeftOut ? 'left out' : (state?.state ?? 'not started'),
      pending:
        state !== undefined && isPending && !isLeftOut ? this.pendingOf(this.withSite(state, task)) : null,
      holds: held.map(({ address }) => this.held(address, this.lastAsked(task, address, trace.length))),
      leftOut: leftOut.map((operation) => operation.name),
    };
  }

  /** Where a thread waits is where its last step stands, if it is not known otherwise. */
  private withSite(state: ThreadState, task: number): ThreadState {
    const last = this.trace.findLast((step) => step.task === task);
    const isThere = state.site === 0 && state.state === 'waits' && last?.object === state.object;
    return isThere ? { ...state, site: last.site } : state;
  }

  private pendingOf({ kind, object, site, state }: ThreadState): ReportPending | null {
    if (kind === 0 && object === 0) return null;
    const info = this.input.sites?.lookup(site);
    const name = this.tables.nameOf(object);
    return {
      what: state === 'waits' ? `wait for ${name}` : whatOf(kind, name, info?.primitive ?? ''),
      object: object === 0 ? null : this.tables.object(object),
      place: this.tables.place(site),
    };
  }

  /** The step that asked for a lock that a task holds at some step; -1 for none. */
  private lastAsked(task: number, lock: number, before: number): number {
    let asked = -1;
    for (const hold of this.history.holds)
      if (hold.task === task && hold.lock === lock && hold.asked < before) asked = hold.asked;
    return asked;
  }

  private held(address: number, asked: number): ReportHeld {
    return {
      object: this.tables.object(address),
      step: asked < 0 ? null : asked,
      place: asked < 0 ? null : this.tables.place(this.trace[asked]!.site),
    };
  }

  private segments(): ReportSegment[] {
    const { trace } = this;
    const segments: ReportSegment[] = [];
    for (let first = 0; first < trace.length;) {
      let last = first;
      while (last + 1 < trace.length && trace[last + 1]!.task === trace[first]!.task) last++;
      segments.push(this.segment(first, last));
      first = last + 1;
    }
    return segments;
  }

  private segment(first: number, last: number): ReportSegment {
    const { trace, history, failure } = this;
    const { task } = trace[first]!;
    const ends = this.endOf(last);
    const holds = history.holds
      .filter((hold) => hold.task === task && hold.from <= last && (hold.dropped < 0 || hold.dropped > last))
      .map(({ lock, asked }) => this.held(lock, asked));
    const next = history.next[last]!;
    const state = failure.threads[task];
    let pending: ReportPending | null = null;
    if (ends === 'preempted' && next >= 0) {
      const { kind, object, site } = trace[next]!;
      pending = this.pendingOf({ name: '', state: 'stands', kind, object, site, objectName: '', holds: [] });
    } else if (ends === 'preempted' && state?.state === 'stands') {
      pending = this.pendingOf(state);
    }
    return { thread: task, first, last, ends, pending, holds };
  }

  private endOf(last: number): ReportSegment['ends'] {
    const { trace, history, failure } = this;
    if (last === trace.length - 1) return 'end';
    const { task, kind } = trace[last]!;
    const word = kindWord(kind);
    if (word === 'wait') return 'waits';
    const next = history.next[last]!;
    if (next >= 0) return kindWord(trace[next]!.kind) === 'yield' ? 'gives way' : 'preempted';
    const state = failure.threads[task];
    if (state?.state !== 'stands') return 'ended';
    return kindWord(state.kind) === 'yield' ? 'gives way' : 'preempted';
  }

  private spans(): ReportSpan[] {
    const { history, tables, trace } = this;
    const spans: ReportSpan[] = [];
    for (const { task, lock, asked, from, dropped } of history.holds) {
      const object = tables.object(lock);
      spans.push({
        kind: 'holds',
        thread: task,
        object,
        from: Math.min(from, trace.length - 1),
        until: dropped,
        asked,
      });
    }
    for (const { task, object, from, until } of history.waits) {
      spans.push({ kind: 'waits', thread: task, object: tables.object(object), from, until, asked: from });
    }
    return spans;
  }

  private touched(address: number): ReportTouched | null {
    const latest = new Map<number, number>();
    for (const [index, { task, object }] of this.trace.entries())
      if (object === address) latest.set(task, index);
    if (latest.size < 2) return null;
    const last = [...latest.values()].sort((one, other) => other - one);
    return { object: this.tables.object(address), last };
  }
}

function faultsOf({ decisions }: Failure): ReportFault[] {
  return decisions
    .filter(({ choice }) => choice >= CHOICE_FAULT)
    .map(({ step, choice }) => ({ kind: FAULTS.get(choice - CHOICE_FAULT) ?? 'other', decision: step }));
}

/** Numbers of the sites that a text names. */
function sitesIn(text: string): number[] {
  return [...text.matchAll(SITE)].map(([, number]) => Number(number));
}

/** What the report of a failure says besides its sentence and its stack. */
function detailsOf({ report, sentence, kind }: Failure, hasGraph: boolean): string[] {
  // The graph and the states of the threads say the same, with places.
  if (kind === 'deadlock' || hasGraph) return [];
  const lines = report
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s+at /.test(line) && !TASK_LINE.test(line));
  if (lines[0]?.trim() === sentence.trim()) lines.shift();
  const more = lines.length - DETAILS_MAX;
  return more > 1 ? [...lines.slice(0, DETAILS_MAX), `(${more} lines more)`] : lines;
}

/** The functions that threw, without those of the engine and of the leaves. */
function stackOf({ report, kind }: Failure): string[] {
  if (kind === 'deadlock' || kind === 'livelock') return [];
  return report
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim().slice(3))
    .filter(
      (line) =>
        !/node:internal|\/explore\/(dist|src|woven)[^/]*\/(engines|explore|watch|scenario)\/|\/kernel-mm\/[^/]+\/sync\//.test(
          line,
        ),
    )
    .map(frameText)
    .filter((frame) => frame !== '')
    .slice(0, STACK_MAX);
}

/** The name of the function; and the line where the file is as it was written. Empty for a function without a name in a file that is not. */
function frameText(frame: string): string {
  const match = /^(?:(.*?)(?: \[as .*\])? \()?([^()]+?):(\d+):\d+\)?$/.exec(frame);
  if (match === null) return frame;
  const [, name = '', path = '', line] = match;
  if (/\/dist[^/]*\//.test(path)) return name;
  const place = `${relativePath(path)}:${line}`;
  return name === '' ? place : `${name} (${place})`;
}
